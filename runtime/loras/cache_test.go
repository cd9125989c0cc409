package loras

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

const askStyle = `{"loras":[{"name":"style"}]}`

// askedAgain says whether clients are told when to ask again: 503 with Retry-After.
func askedAgain(err error) bool {
	p := gateway.Explain(err)
	return p.Status == http.StatusServiceUnavailable && p.RetryAfter == whileMerged
}

// What a client hears of a merge names LoRAs and no paths; the log has those.
func TestMergeErrorsAreForClients(t *testing.T) {
	loras := []LoRA{{Path: "/srv/models/loras/style.safetensors", Strength: 1}}
	for _, c := range []struct {
		status     int
		said, want string
		is         func(error) bool
	}{
		{badLoRA, "building /srv/x\nvideosdgx: LoRA style.safetensors is of the kind LoHa", "these LoRAs cannot be merged: LoRA style.safetensors is of the kind LoHa", errdefs.IsInvalidArgument},
		{busyLoRA, "videosdgx: /srv/x is being built already", "LoRAs (style) are being written to", askedAgain},
		{1, "videosdgx: build bundle /srv/x: no space left on device", "LoRAs (style) could not be merged into this model: the server's log says why", func(error) bool { return true }},
		{-1, "", "LoRAs (style) could not be merged", func(error) bool { return true }},
	} {
		err := mergeError(c.status, c.said, loras)
		if !c.is(err) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "/srv") {
			t.Errorf("%d: %v", c.status, err)
		}
	}
	r := newRig(t)
	r.fail = errors.New("no such thing")
	if _, err := r.invoke(t, askStyle); !errors.Is(err, r.fail) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(filepath.Join(r.merger.models, "plain", "source.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.invoke(t, askStyle); !errdefs.IsFailedPrecondition(err) || strings.Contains(err.Error(), r.merger.models) || !strings.Contains(r.said.String(), r.merger.models) {
		t.Errorf("got %v; the log says %s", err, r.said.String())
	}
}

// The key is of the content: a file that is replaced, overwritten in place with the same size and times, or truncated is another.
func TestAChangedLoRAIsAnotherOne(t *testing.T) {
	r := newRig(t)
	old := time.Now().Add(-time.Hour)
	path := r.merger.path("style")
	age := func() { // so that the file's state could stand for its content
		t.Helper()
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	age()
	seen := map[string]string{}
	for step, change := range map[string]func() error{
		"as it is":    func() error { return nil },
		"overwritten": func() error { return overwrite(path, "STYLE") },
		"replaced": func() error {
			return errors.Join(os.WriteFile(path+".new", []byte("stile"), 0o600), os.Rename(path+".new", path))
		},
		"truncated": func() error { return os.Truncate(path, 3) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		age()
		inv, err := r.invoke(t, askStyle)
		again, againErr := r.invoke(t, askStyle)
		if err != nil || againErr != nil || inv.Qualifier != again.Qualifier {
			t.Errorf("%s: %+v, %v; again %+v, %v", step, inv, err, again, againErr)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if before := seen[inv.Qualifier]; before != "" && before != string(content) {
			t.Errorf("%s: %q has the key of %q", step, content, before)
		}
		seen[inv.Qualifier] = string(content)
	}
	beside := strings.TrimSuffix(path, ".safetensors") + ".json"
	if err := os.WriteFile(beside, []byte(`{"distilled":"4step"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.invoke(t, askStyle); !errdefs.IsUnavailable(err) { // the rig's build knows nothing of it: what it makes is not what was asked for
		t.Errorf("with a file beside it: %v", err)
	}
}

// A digest is taken again for a file whose size and times are what they were, and not for one that nobody has touched.
func TestADigestIsOfAState(t *testing.T) {
	r := newRig(t)
	path := r.merger.path("style")
	state := func() weights.FileState {
		t.Helper()
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return weights.StateOf(st)
	}
	before := state()
	r.merger.digests[path] = digested{before, "sha256:known", true}
	if d, ok := r.merger.known(path, state()); !ok || d != "sha256:known" {
		t.Errorf("untouched: %q, %v", d, ok)
	}
	wrote := time.Unix(0, before.Wrote)
	for state().Changed == before.Changed { // a tick of the clock
		if err := errors.Join(overwrite(path, "STYLE"), os.Chtimes(path, wrote, wrote)); err != nil {
			t.Fatal(err)
		}
	}
	if now := state(); now.Size != before.Size || now.Wrote != before.Wrote {
		t.Fatalf("%+v, before %+v", now, before)
	}
	if d, ok := r.merger.known(path, state()); ok {
		t.Errorf("overwritten: %q", d)
	}
	r.merger.digests[path] = digested{state(), "sha256:known", false}
	if d, ok := r.merger.known(path, state()); ok {
		t.Errorf("a state that had just come about stands for the content: %q", d)
	}
}

func overwrite(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(content), 0)
	return errors.Join(err, f.Close())
}

// A bundle of other contents than those of its key is never served: the file changed between its digest and the merge.
func TestAFileThatChangesBeforeItIsRead(t *testing.T) {
	r := newRig(t)
	left := 1
	r.before = func() {
		if left--; left == 0 {
			r.write(t, "style", "other content")
		}
	}
	inv, err := r.invoke(t, askStyle)
	if err != nil || len(r.builds) != 2 {
		t.Fatalf("%+v, %v, %d builds", inv, err, len(r.builds))
	}
	if key := strings.TrimPrefix(inv.Qualifier, spec.LoRAVersion); key != filepath.Base(r.builds[1]) || r.builds[0] == r.builds[1] {
		t.Errorf("served is %s of %v", key, r.builds)
	}
	n := 0
	r.before = func() { n++; r.write(t, "style", strings.Repeat("x", n)) }
	r.write(t, "style", "again")
	if _, err := r.invoke(t, askStyle); !errdefs.IsUnavailable(err) {
		t.Errorf("a file that changes all the time: %v", err)
	}
	if n != mostTries {
		t.Errorf("%d tries", n)
	}
}

// One merge at a time for a base, one for a key; who waits may give up, and who waits longer gets it.
func TestMergesQueue(t *testing.T) {
	r := newRig(t)
	started, proceed := make(chan struct{}, 8), make(chan struct{})
	r.before = func() { started <- struct{}{}; <-proceed }
	var all sync.WaitGroup
	answers := make(chan error, 4)
	ask := func(ctx context.Context, payload string) {
		all.Go(func() { _, err := r.invokeWith(ctx, payload); answers <- err })
	}
	ask(t.Context(), askStyle)
	<-started
	ask(t.Context(), askStyle)
	ask(t.Context(), `{"loras":[{"name":"other"}]}`)
	gone, give := context.WithCancel(t.Context())
	ask(gone, `{"loras":[{"name":"other","strength":2}]}`)
	give()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	close(proceed)
	all.Wait()
	for range 3 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if len(r.builds) != 2 {
		t.Errorf("%d builds for two keys", len(r.builds))
	}
}

// Merges of different bases are bounded too.
func TestMergesOfManyBases(t *testing.T) {
	m := newRig(t).merger
	var leave []func()
	for _, base := range []string{"a", "b"} {
		done, err := m.turn(t.Context(), base)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.turn(ctx, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third merge: %v", err)
	}
	for _, done := range leave {
		done()
	}
	for _, base := range []string{"c", "a"} {
		done, err := m.turn(t.Context(), base)
		if err != nil {
			t.Fatal(err)
		}
		done()
	}
}

// The least recently used bundles go when they outgrow the budget.
func TestDerivedBundlesHaveABudget(t *testing.T) {
	r := newRig(t)
	for _, strength := range []string{"1", "2", "3"} {
		if _, err := r.invoke(t, `{"loras":[{"name":"style","strength":`+strength+`}]}`); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if strength == "2" {
			old = old.Add(-time.Hour) // the second was used before the first
		}
		if err := os.Chtimes(r.builds[len(r.builds)-1], old, old); err != nil {
			t.Fatal(err)
		}
	}
	m, err := weights.ReadManifest(r.builds[0])
	if err != nil {
		t.Fatal(err)
	}
	r.merger.budget = 3 * m.Own()
	if _, err := r.invoke(t, `{"loras":[{"name":"style","strength":4}]}`); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, true} {
		if _, err := weights.ReadManifest(r.builds[i]); (err == nil) != want {
			t.Errorf("bundle %d: %v", i, err)
		}
	}
}

// Whatever the budget, a bundle stays while a request needs it or an instance has it open, and one just built is not taken from who
// asked for it.
func TestBundlesInUseStay(t *testing.T) {
	r := newRig(t)
	r.merger.budget = 1
	served := map[string]bool{}
	r.merger.serving = func() map[string]bool { return served }
	man, err := r.merger.manifests.read(filepath.Join(r.merger.models, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	take := func(name string) (string, func()) {
		t.Helper()
		key, done, err := r.merger.bundle(t.Context(), filepath.Join(r.merger.models, "plain"), man, []askedLoRA{{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		return key, done
	}
	there := func(key string) bool {
		_, err := weights.ReadManifest(filepath.Join(r.merger.folder(), key))
		return err == nil
	}
	first, doneFirst := take("style")
	second, doneSecond := take("other")
	if !there(first) || !there(second) {
		t.Fatalf("first %v, second %v: both are needed", there(first), there(second))
	}
	served[first] = true
	doneFirst()
	doneSecond()
	if err := r.merger.prune(); err != nil || !there(first) || there(second) {
		t.Errorf("first %v, which an instance has open, second %v, %v", there(first), there(second), err)
	}
	delete(served, first)
	if err := r.merger.prune(); err != nil || there(first) {
		t.Errorf("first %v, %v: nobody needs it", there(first), err)
	}
	if left, err := os.ReadDir(r.merger.folder()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A server takes away what an earlier one was killed over, and leaves what somebody is making.
func TestWhatAKillLeavesGoes(t *testing.T) {
	r := newRig(t)
	if _, err := r.invoke(t, askStyle); err != nil {
		t.Fatal(err)
	}
	var lock *os.File
	for _, name := range []string{gone + "a", ".b.building", ".c.building"} {
		dir := filepath.Join(r.merger.folder(), name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, "lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lock = f
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	r.merger.Sweep()
	left, err := os.ReadDir(r.merger.folder())
	if err != nil || len(left) != 2 || left[0].Name() != ".c.building" || left[1].Name() != filepath.Base(r.builds[0]) {
		t.Errorf("left: %v, %v", left, err)
	}
	for _, key := range []string{".c.building", gone + "a", "..", ""} {
		if _, err := r.fns.Get(t.Context(), "wan", spec.LoRAVersion+key); !errdefs.IsNotFound(err) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// What was merged of files that changed meanwhile is under no key that anybody asks for: it is not kept.
func TestWhatWasMergedOfOtherFilesIsNotKept(t *testing.T) {
	r := newRig(t)
	r.before = func() { r.write(t, "style", fmt.Sprint("another one: ", len(r.builds))) }
	if _, err := r.invoke(t, `{"loras":[{"name":"style"}]}`); !errdefs.IsUnavailable(err) || len(r.builds) != mostTries {
		t.Errorf("%v after %d builds", err, len(r.builds))
	}
	left, err := os.ReadDir(r.merger.folder())
	if err != nil || len(left) > 0 {
		t.Errorf("kept: %v, %v", left, err)
	}
	r.before = nil
	if _, err := r.invoke(t, `{"loras":[{"name":"style"}]}`); err != nil {
		t.Errorf("once nothing writes: %v", err)
	}
}

// A disk without room takes what has not been used for longest, but nothing that somebody has used lately.
func TestWhatNobodyUsesMakesRoom(t *testing.T) {
	r := newRig(t)
	if what, freed, err := r.merger.Shed(0); what != "" || freed != 0 || err != nil {
		t.Errorf("of nothing: %q, %d, %v", what, freed, err)
	}
	if n, err := r.merger.Bytes(); n != 0 || err != nil {
		t.Errorf("nothing uses %d bytes, %v", n, err)
	}
	if _, err := r.invoke(t, askStyle); err != nil {
		t.Fatal(err)
	}
	key := filepath.Base(r.builds[0])
	if what, freed, err := r.merger.Shed(time.Hour); what != "" || freed != 0 || err != nil {
		t.Errorf("of one used just now: %q, %d, %v", what, freed, err)
	}
	r.merger.Serve(func(context.Context) ([]spec.InstanceStatus, error) {
		return []spec.InstanceStatus{{Version: spec.LoRAVersion + key}, {Version: "$LATEST"}}, nil
	})
	if what, _, err := r.merger.Shed(0); what != "" || err != nil {
		t.Errorf("of one that an instance has open: %q, %v", what, err)
	}
	r.merger.Serve(func(context.Context) ([]spec.InstanceStatus, error) { return nil, nil })
	if what, freed, err := r.merger.Shed(0); what != "merged model "+key || freed == 0 || err != nil {
		t.Errorf("of one that nobody uses: %q, %d, %v", what, freed, err)
	}
	if _, err := os.Stat(r.builds[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there still: %v", err)
	}
}
