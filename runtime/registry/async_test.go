package registry

import (
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// An event that is sent to an alias has the alias's settings, else those of its version, else what that was published with.
func TestAsyncSettingsOfAVersionAndAnAlias(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo+"async: {retries: 1}\n")
	w.until("loading", has(w, "echo"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Publish(ctx, "echo", "")
	must(err)
	_, err = w.PutAlias(ctx, spec.Alias{Name: "live", Function: "echo", Version: "1"})
	must(err)
	retries := func(latest, version, alias int) {
		t.Helper()
		for q, want := range map[string]int{"": latest, "1": version, "live": alias} {
			if got := *w.get("echo", q).Async.Retries; got != want {
				t.Errorf("%q: %d retries, want %d", q, got, want)
			}
		}
	}
	zero, two := 0, 2
	retries(1, 1, 1)
	must(w.SetAsync(ctx, "echo", "1", &spec.Async{Retries: &zero}))
	retries(1, 0, 0)
	must(w.SetAsync(ctx, "echo", "live", &spec.Async{Retries: &two, MaxAge: spec.Duration(time.Minute), OnFailure: "sink:live"}))
	retries(1, 0, 2)
	if v, err := w.Publish(ctx, "echo", ""); err != nil || v.Version != "1" {
		t.Errorf("settings made version %s: %v", v.Version, err)
	}
	w.reopen()
	retries(1, 0, 2)
	if all, err := w.Asyncs(ctx, "echo"); err != nil || len(all) != 2 || all["live"].OnFailure != "sink:live" {
		t.Errorf("%v %v", all, err)
	}
	must(w.SetAsync(ctx, "echo", "live", nil))
	retries(1, 0, 0)
	must(w.DeleteAlias(ctx, "echo", "live"))
	must(w.Delete(ctx, "echo", "1"))
	if all, err := w.Asyncs(ctx, "echo"); err != nil || len(all) != 0 {
		t.Errorf("of what is gone: %v %v", all, err)
	}
}

func TestSetAsyncRefusesWhatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	if _, err := w.Publish(ctx, "echo", ""); err != nil {
		t.Fatal(err)
	}
	three := 3
	for q, as := range map[string]*spec.Async{"1": {Retries: &three}, "$LATEST": {}} {
		if err := w.SetAsync(ctx, "echo", q, as); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", q, err)
		}
	}
	if err := w.SetAsync(ctx, "echo", "7", &spec.Async{}); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

// TestAFunctionThatSaysNothingOfEventsHasNoSettings, unlike one that asks for what would be the default: Lambda tells them apart.
func TestAFunctionThatSaysNothingOfEventsHasNoSettings(t *testing.T) {
	w := newWorld(t)
	w.manifest("quiet", "name: quiet\nimage: i\n")
	w.manifest("asks", "name: asks\nimage: i\nasync: {retries: 2, maxAge: 6h}\n")
	w.until("loading", has(w, "quiet"))
	w.until("loading", has(w, "asks"))
	if as := w.get("quiet", "").Async; as != (spec.Async{}) {
		t.Errorf("%+v", as)
	}
	if as := w.get("asks", "").Async; as.Retries == nil || *as.Retries != 2 || as.MaxAge.D() != 6*time.Hour {
		t.Errorf("%+v", as)
	}
}
