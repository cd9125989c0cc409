package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
)

// trialServer serves experiments and usage; promote gives winners their alias.
func trialServer(t *testing.T, promote rest.Promoter) (url string, trials *experiments.Store) {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if trials, err = experiments.Open(filepath.Join(dir, "experiments")); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, state := range []jobs.State{jobs.Completed, jobs.Completed, jobs.Failed} {
		j := jobs.Job{ID: fmt.Sprintf("0194f0a0-7b1e-7435-8000-%012x", i), Model: "wan21", Function: "wan21", Client: "ana", State: state, Request: json.RawMessage(`{"prompt":"a kite"}`),
			Created: now.Add(-time.Minute), Ready: now, Started: now.Add(-50 * time.Second), Finished: now.Add(-40 * time.Second), Attempts: 1, MaxAttempts: 3, Deadline: now.Add(time.Hour)}
		if state == jobs.Failed {
			j.Problem = &jobs.Problem{Kind: "function", Detail: "=no such brush"}
		}
		if err := store.Insert(t.Context(), []jobs.Fresh{{Job: j, Payload: []byte(`{}`)}}); err != nil {
			t.Fatal(err)
		}
	}
	models := jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1}}
	svc, err := jobs.New(jobs.Config{Outputs: filepath.Join(dir, "outputs"), MinFree: 1}, jobs.Deps{Store: store, Runner: &jobstest.Runner{}, Models: models, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{rest.New(rest.Options{Jobs: svc, Models: models, Experiments: trials, Promote: promote, Log: slog.New(slog.DiscardHandler)})}}).Handler())
	t.Cleanup(srv.Close)
	return srv.URL, trials
}

func TestExperimentsCommands(t *testing.T) {
	fails := true
	url, trials := trialServer(t, func(_ context.Context, function, alias, version string) error {
		if fails {
			return errors.New("the disk is full")
		}
		if function != "wan21" || alias != "live" || version != "2" {
			t.Errorf("%s:%s=%s", function, alias, version)
		}
		return nil
	})
	run := func(want string, args ...string) {
		t.Helper()
		out, errs, err := runCLI(t, t.Context(), append(append([]string{"experiments"}, args...), "--server", url)...)
		said := out + errs
		if err != nil {
			said += err.Error()
		}
		if !strings.Contains(said, want) {
			t.Errorf("%v says %q, not %q", args, said, want)
		}
	}
	run("NAME", "ls")
	run("compares wan21:1 and wan21:2", "create", "steps", "wan21:1", "wan21:2", "--votes", "6", "--promote", "wan21:live")
	run("FUNCTION:ALIAS", "create", "other", "wan21:1", "wan21:2", "--promote", "live")
	run("--traffic", "create", "other", "wan21:1", "wan21:2", "--share", "0.5")
	run("a number from 0 to 1", "share", "steps", "2")
	run("has no traffic", "share", "steps", "0.5")
	run("has no winner yet", "promote", "steps")
	for i := range 8 {
		id := fmt.Sprint("p", i)
		if err := trials.AddPair("steps", experiments.Pair{ID: id, Jobs: [2]string{"a", "b"}, Request: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
		e, err := trials.Vote("steps", id, "ana", 1)
		if err != nil {
			t.Fatal(err)
		}
		if e.Winner != nil {
			break
		}
	}
	run("the disk is full", "promote", "steps")
	run("won, without the alias", "show", "steps")
	fails = false
	run("won and has the alias", "promote", "steps")
	run("wan21:2 won and has the alias", "ls")
	run(`"winner": 1`, "show", "steps", "--json")
	run("experiment steps removed", "rm", "steps")
	run("no experiment", "show", "steps")
}

func TestAnalyticsCommand(t *testing.T) {
	url, _ := trialServer(t, nil)
	for _, c := range []struct{ args, want string }{
		{"", "2 clips, 1 failed"}, {"", "wan21"}, {"--by client", "ana"}, {"--by failure", "no such brush"}, {"--by time --span 1h", "T"}, {"--by hour --zone America/Sao_Paulo", "HOUR"},
		{"--json", `"over_time"`}, {"--csv --by client", "ana,3,2,1,0,"}, {"--csv --by failure", "'=no such brush"}, {"--csv --json", "choose one"}, {"--span 5m", "1h, 24h, 7d and 30d"}, {"--by shoe", "there are client, failure"},
	} {
		out, errs, err := runCLI(t, t.Context(), append([]string{"analytics", "--server", url}, strings.Fields(c.args)...)...)
		said := out + errs
		if err != nil {
			said += err.Error()
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("analytics %s says %q, not %q", c.args, said, c.want)
		}
	}
}
