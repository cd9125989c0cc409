package e2e

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// quick is a request that takes as little work as a clip can.
const quick = `"width":64,"height":64,"num_frames":5,"num_inference_steps":2`

func request(fields string) string { return "{" + fields + "," + quick + "}" }

// clip is the function's own answer.
type clip struct {
	Video   []byte
	Seed    int64
	Frames  int `json:"num_frames"`
	Timings map[string]float64
	Latents string `json:"latents_sha256"`
}

func TestClipsOfARealFunction(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.wan21(need(t, bundle), "")
		s := h.serve(t)
		first := s.clip(t, `"prompt":"a red circle","seed":7`)
		t.Run("same request and seed give the same latents and the same bytes", func(t *testing.T) {
			second := s.clip(t, `"prompt":"a red circle","seed":7`)
			if first.Latents != second.Latents || len(first.Latents) != 64 {
				t.Errorf("latents %s and %s", first.Latents, second.Latents)
			}
			if string(first.Video) != string(second.Video) {
				t.Errorf("clips of %d and %d bytes differ", len(first.Video), len(second.Video))
			}
		})
		t.Run("another seed gives other latents", func(t *testing.T) {
			if s.clip(t, `"prompt":"a red circle","seed":8`).Latents == first.Latents {
				t.Error("the seed has no effect")
			}
		})
		t.Run("a fresh instance gives the same bytes", func(t *testing.T) {
			for _, i := range s.instances(t) {
				s.do(t, "DELETE", "/api/v1/instances/"+i.ID, "")
			}
			again := s.clip(t, `"prompt":"a red circle","seed":7`)
			if again.Latents != first.Latents || string(again.Video) != string(first.Video) {
				t.Error("they differ")
			}
		})
		t.Run("accept video/mp4 gives the clip itself", func(t *testing.T) {
			a := s.do(t, "POST", "/fn/wan21/", request(`"prompt":"a red circle","seed":7`), "Accept", "video/mp4").want(t, 200)
			if a.header.Get("Content-Type") != "video/mp4" || string(a.body) != string(first.Video) || a.header.Get("X-Videosdgx-Latents") != first.Latents {
				t.Errorf("%v, %d bytes instead of %d", a.header, len(a.body), len(first.Video))
			}
		})
		t.Run("accept text/event-stream tells progress and then the result", s.streamsProgress)
		t.Run("invoke gives the same clip", func(t *testing.T) {
			a := s.do(t, "POST", invoke("wan21"), request(`"prompt":"a red circle","seed":7`)).want(t, 200)
			if into[clip](t, a.body).Latents != first.Latents {
				t.Errorf("%.300s", a.body)
			}
		})
		s.refusesBadRequests(t)
		if i := s.instances(t); len(i) != 1 || i[0].State != "idle" {
			t.Errorf("after all that: %+v", i)
		}
	})
}

func (s *server) clip(t *testing.T, fields string) clip {
	t.Helper()
	c := into[clip](t, s.do(t, "POST", "/fn/wan21/", request(fields)).want(t, 200).body)
	if c.Frames != 5 || c.Timings["total"] <= 0 || len(c.Video) < 500 {
		t.Fatalf("%d frames, %v, %d bytes", c.Frames, c.Timings, len(c.Video))
	}
	return c
}

func (s *server) streamsProgress(t *testing.T) {
	a := s.do(t, "POST", "/fn/wan21/", request(`"prompt":"a red circle"`), "Accept", "text/event-stream").want(t, 200)
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("content type %q", got)
	}
	var order []string
	steps := 0
	for block := range strings.SplitSeq(string(a.body), "\n\n") {
		event, data := "", ""
		for line := range strings.Lines(block) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch name {
			case "event":
				event = value
			case "data":
				data = value
			}
		}
		if event == "" {
			continue
		}
		order = append(order, event)
		var p struct {
			Phase       string
			Step, Steps int
		}
		if event == "progress" && json.Unmarshal([]byte(data), &p) == nil && p.Phase != "" && p.Steps > 0 {
			steps++
		}
	}
	if steps < 2 || len(order) == 0 || order[len(order)-1] != "result" {
		t.Errorf("%d steps, events %v", steps, order)
	}
}

// refusesBadRequests: one clear sentence for each, from the function URL and the models' REST API alike, with what would do.
func (s *server) refusesBadRequests(t *testing.T) {
	long := strings.Repeat("circle ", 2000)
	notUTF8 := "{\"prompt\":\"a \xff\xfe circle\"}"
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"prompt not in UTF-8", notUTF8, []string{"utf-8"}},
		{"prompt longer than the limit", request(`"prompt":"` + long + `"`), []string{"prompt has 14000 bytes", "at most"}},
		{"prompt with too many tokens", request(`"prompt":"` + long[:7*600] + `"`), []string{"tokens", "at most"}},
		{"prompt empty", request(`"prompt":" "`), []string{"prompt"}},
		{"frames that the VAE cannot take", `{"prompt":"a","num_frames":6}`, []string{"num_frames is 6", "5 or 9 would do"}},
		{"sides that the VAE cannot take", `{"prompt":"a","width":70,"height":3}`, []string{"width is 70", "64 or 80 would do", "height is 3", "16 would do"}},
		{"steps of 0", `{"prompt":"a","num_inference_steps":0}`, []string{"num_inference_steps", "1"}},
		{"unknown field", `{"prompt":"a","stpes":3}`, []string{"stpes"}},
		{"not JSON", `{"prompt":`, []string{"JSON"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status := 422
			if strings.HasPrefix(c.name, "prompt not in") || c.name == "not JSON" {
				status = 400 // no request at all
			}
			s.do(t, "POST", "/fn/wan21/", c.body).want(t, status, c.want...)
			a := s.do(t, "POST", "/v1/models/wan21/generate", c.body, "Prefer", "wait=30")
			if a.status != 400 && a.status != 422 && !(a.status == 200 && strings.Contains(string(a.body), `"failed"`)) {
				t.Errorf("REST: %d", a.status)
			}
			says(t, string(a.body), c.want...)
		})
	}
	t.Run("unknown function", func(t *testing.T) { s.do(t, "POST", "/fn/wan22/", "{}").want(t, 404, "wan22", "wan21") })
	t.Run("unknown model", func(t *testing.T) {
		s.do(t, "POST", "/v1/models/ltx/generate", request(`"prompt":"a"`)).want(t, 404, "ltx", "wan21")
	})
	t.Run("image that is none", func(t *testing.T) {
		s.do(t, "POST", "/fn/wan21/", `{"prompt":"a","image":"`+base64.StdEncoding.EncodeToString([]byte("no image"))+`"}`).want(t, 422, "image")
	})
}
