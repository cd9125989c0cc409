package e2e

import (
	"fmt"
	"testing"
)

// trial is an experiment as the API shows it.
type trial struct {
	Winner   *int
	Promoted string `json:"promoted_at"`
	Failure  string
	Traffic  *struct {
		Share float64
		Arms  []struct{ Jobs, Completed int }
	}
}

type pairOf struct {
	ID          string
	Left, Right struct{ Status, Model, Version string }
}

// TestAnExperimentMovesTheTrafficOfAnAlias: of the real registry, by what the function's versions answer themselves; and who wins the votes
// gets the alias.
func TestAnExperimentMovesTheTrafficOfAnAlias(t *testing.T) {
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "env: {ARM: one}\n")
	s := h.serve(t)
	publish := func(want string) {
		t.Helper()
		a := s.do(t, "POST", "/2015-03-31/functions/wan21/versions", "{}").want(t, 201)
		if v := into[struct{ Version string }](t, a.body).Version; v != want {
			t.Fatalf("version %s instead of %s", v, want)
		}
	}
	publish("1")
	h.wan21(need(t, bundle), "env: {ARM: two}\n")
	until(t, "the other manifest serves", func() bool {
		a := s.do(t, "GET", "/2015-03-31/functions/wan21/configuration", "")
		return into[struct {
			Environment struct{ Variables map[string]string }
		}](t, a.body).Environment.Variables["ARM"] == "two"
	})
	publish("2")

	experiment := func(status int, method, path, body string) trial {
		t.Helper()
		a := s.do(t, method, "/v1/experiments"+path, body).want(t, status)
		return into[trial](t, a.body)
	}
	experiment(201, "POST", "", `{"name":"arms","arms":[{"model":"wan21","version":"1"},{"model":"wan21","version":"2"}],"criterion":{"votes":3,"confidence":0.5},"traffic":{"alias":"live","share":0.25},"promote":{"function":"wan21","alias":"live"}}`)
	// drawn counts who answers n events for the alias; the function refuses them, which costs nothing.
	drawn := func(n int) (second int) {
		t.Helper()
		for range n {
			a := s.do(t, "POST", invoke("wan21")+"?Qualifier=live", `{"prompt":""}`)
			switch v := a.header.Get("X-Amz-Executed-Version"); v {
			case "2":
				second++
			case "1":
			default:
				t.Fatalf("version %q answers: %d %.300s", v, a.status, a.body)
			}
		}
		return second
	}
	const n = 200 // of which 50 with a deviation of 6: the bounds are five of it away
	if got := drawn(n); got < 20 || got > 85 {
		t.Errorf("a share of 25 %% gives the second version %d of %d", got, n)
	}
	experiment(200, "PATCH", "/arms", `{"share":0.75}`)
	if got := drawn(n); got < n-85 || got > n-20 {
		t.Errorf("a share of 75 %% gives the second version %d of %d", got, n)
	}
	for share := range 2 { // first 0, and then 1, which stays
		experiment(200, "PATCH", "/arms", fmt.Sprintf(`{"share":%d}`, share))
		if got := drawn(20); got != 20*share {
			t.Errorf("a share of %d gives the second version %d of 20", share, got)
		}
	}
	for i := range 2 { // jobs, too: all of the second version now
		j := s.submit(t, request(fmt.Sprintf(`"prompt":"a red circle","seed":%d,"version":"live"`, i)))
		s.untilJob(t, j.ID, "completed")
	}
	if e := experiment(200, "GET", "/arms", ""); e.Traffic == nil || e.Traffic.Share != 1 || e.Traffic.Arms[0].Jobs != 0 || e.Traffic.Arms[1].Completed != 2 {
		t.Errorf("%+v", e.Traffic)
	}
	experiment(200, "PATCH", "/arms", `{"share":0}`)

	var e trial
	for round := 0; round < 3 && e.Winner == nil; round++ {
		p := into[pairOf](t, s.do(t, "POST", "/v1/experiments/arms/pairs", request(fmt.Sprintf(`"prompt":"pair %d"`, round))).want(t, 202).body)
		pair := func() pairOf {
			t.Helper()
			for _, x := range into[struct{ Pairs []pairOf }](t, s.do(t, "GET", "/v1/experiments/arms/pairs", "").want(t, 200).body).Pairs {
				if x.ID == p.ID {
					return x
				}
			}
			t.Fatalf("no pair %s", p.ID)
			return p
		}
		until(t, "both are made", func() bool { x := pair(); return x.Left.Status == "completed" && x.Right.Status == "completed" })
		if x := pair(); x.Left.Version != "" || x.Right.Version != "" {
			t.Fatalf("the pair says whose the clips are: %+v", x)
		}
		vote := func(choice string) {
			t.Helper()
			e = experiment(200, "POST", "/arms/pairs/"+p.ID+"/vote", `{"choice":"`+choice+`"}`)
		}
		vote("tie") // only then it says which is which; a vote can be changed
		vote(map[bool]string{true: "left", false: "right"}[pair().Left.Version == "2"])
	}
	if e.Winner == nil || *e.Winner != 1 || e.Promoted == "" || e.Failure != "" {
		t.Fatalf("%+v", e)
	}
	if got := drawn(20); got != 20 {
		t.Errorf("after the win the second version gets %d of 20", got)
	}
	alias := s.do(t, "GET", "/2015-03-31/functions/wan21/aliases/live", "").want(t, 200)
	if a := into[struct{ FunctionVersion string }](t, alias.body); a.FunctionVersion != "2" {
		t.Errorf("the alias is %s", alias.body)
	}
	s.do(t, "PATCH", "/v1/experiments/arms", `{"share":0.5}`).want(t, 409, "promoted")
	s.kill() // the alias is the registry's, and durable
	s = h.serve(t)
	if got := drawn(20); got != 20 {
		t.Errorf("after a restart the second version gets %d of 20", got)
	}
}
