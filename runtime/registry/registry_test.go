package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

// world is a registry on folders of its own, which says on told when a function changed.
type world struct {
	*Registry
	t    *testing.T
	cfg  Config
	told chan string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, cfg: Config{Functions: t.TempDir(), Data: t.TempDir(), Debounce: 5 * time.Millisecond, Log: quiet}}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	r, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Registry, w.told = r, make(chan string, 1000)
	r.Subscribe(func(name string) { w.told <- name })
	w.t.Cleanup(func() { _ = r.Close() })
}

func (w *world) reopen() { _ = w.Close(); w.open() }

// manifest writes FUNCTIONS/dir/function.yaml as editors do: a new file renamed over the old.
func (w *world) manifest(dir, text string) {
	w.t.Helper()
	path := filepath.Join(w.cfg.Functions, dir)
	if err := os.MkdirAll(path, 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(path, manifestFile), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for changes until ok holds.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-w.told:
		case <-time.After(2 * time.Millisecond): // a mistake changes without anybody being told
		case <-deadline:
			w.t.Fatalf("%s did not happen", what)
		}
	}
}

func (w *world) get(name, q string) spec.Function {
	w.t.Helper()
	fn, err := w.Get(ctx, name, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return fn
}

func has(w *world, name string) func() bool {
	return func() bool { _, err := w.Get(ctx, name, ""); return err == nil }
}

const echo = "name: echo\ncommand: [./echo, -v]\n"

func TestManifestIsServedWithDefaults(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	fn := w.get("echo", "")
	if want := filepath.Join(w.cfg.Functions, "echo", "echo"); fn.Command[0] != want {
		t.Errorf("command %q, want %q", fn.Command[0], want)
	}
	if fn.Timeout.D() != 15*time.Minute || fn.Concurrency != 1 || fn.Limits.Memory != 2<<30 || fn.Version != "$LATEST" || fn.Digest == "" {
		t.Errorf("defaults: %+v", fn)
	}
}

func TestBadManifestLeavesThePreviousServing(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	before := w.get("echo", "")
	w.manifest("echo", echo+"timeot: 3s\n")
	w.until("mistake", func() bool { return w.Mistake("echo") != "" })
	p := w.Mistake("echo")
	for _, part := range []string{"echo/function.yaml:3:", "timeot", "allowed:", "timeout"} {
		if !strings.Contains(p, part) {
			t.Errorf("mistake %q lacks %q", p, part)
		}
	}
	if now := w.get("echo", ""); now.Digest != before.Digest {
		t.Error("the previous version does not serve")
	}
	w.manifest("echo", echo+"timeout: 3s\n")
	w.until("repair", func() bool { return w.get("echo", "").Timeout.D() == 3*time.Second })
	if p := w.Mistake("echo"); p != "" {
		t.Errorf("mistake stays: %s", p)
	}
}

func TestNeverGoodManifestIsExplained(t *testing.T) {
	w := newWorld(t)
	w.manifest("bad", "name: bad\n")
	w.until("mistake", func() bool { return w.Mistake("bad") != "" })
	_, err := w.Get(ctx, "bad", "")
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "neither image nor command") {
		t.Errorf("got %v", err)
	}
}

func TestFolderGoneMeansFunctionGone(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	if err := os.RemoveAll(filepath.Join(w.cfg.Functions, "echo")); err != nil {
		t.Fatal(err)
	}
	w.until("removal", func() bool { return !has(w, "echo")() })
}

func TestTwoFoldersOneName(t *testing.T) {
	w := newWorld(t)
	w.manifest("a", echo)
	w.until("loading", has(w, "echo"))
	w.manifest("b", echo+"timeout: 1s\n")
	w.until("mistake", func() bool { return w.Mistakes()["b"] != "" })
	if w.get("echo", "").Timeout.D() == time.Second {
		t.Error("the second folder took the name over")
	}
}

// TestTwoFunctionsOneModel: a model's name and port belong to one function, whichever way the second comes; what serves
// stays, and the function itself may change.
func TestTwoFunctionsOneModel(t *testing.T) {
	w := newWorld(t)
	model := func(function, name string, port int) string {
		return fmt.Sprintf("name: %s\nimage: x\nmodel: {name: %s, bundle: b, port: %d}\n", function, name, port)
	}
	w.manifest("a", model("a", "m", 8002))
	w.until("loading", has(w, "a"))
	w.manifest("b", model("b", "m", 8003))
	w.manifest("c", model("c", "n", 8002))
	w.until("mistakes", func() bool { return len(w.Mistakes()) == 2 })
	for dir, want := range map[string]string{"b": `model.name: "m" is the model of function a already`, "c": "model.port: 8002 is the port of function a's model already"} {
		if got := w.Mistakes()[dir]; !strings.Contains(got, want) || !strings.Contains(got, manifestFile) {
			t.Errorf("%s: %s", dir, got)
		}
	}
	d := spec.Function{Name: "d", Image: "x", Model: &spec.Model{Name: "m", Bundle: "b"}}
	if _, err := w.Put(ctx, d); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "function a already") {
		t.Errorf("through the API: %v", err)
	}
	d.Model.Name = "own"
	if _, err := w.Put(ctx, d); err != nil {
		t.Error(err)
	}
	w.manifest("a", model("a", "m", 8009))
	w.until("the other port", func() bool { return w.get("a", "").Model.Port == 8009 })
	w.until("the port going to who waits for it", has(w, "c"))
	if err := os.RemoveAll(filepath.Join(w.cfg.Functions, "a")); err != nil {
		t.Fatal(err)
	}
	w.until("the name going to who waits for it", has(w, "b"))
	if all := w.Mistakes(); len(all) != 0 {
		t.Errorf("still %v", all)
	}
}

func TestVersionsAndAliasesSurviveARestart(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	one, err := w.Publish(ctx, "echo", "first")
	if err != nil || one.Version != "1" {
		t.Fatal(one.Version, err)
	}
	if again, _ := w.Publish(ctx, "echo", "first"); again.Version != "1" {
		t.Errorf("unchanged publish made version %s", again.Version)
	}
	w.manifest("echo", echo+"timeout: 9s\n")
	w.until("change", func() bool { return w.get("echo", "").Timeout.D() == 9*time.Second })
	if two, err := w.Publish(ctx, "echo", ""); err != nil || two.Version != "2" {
		t.Fatal(two.Version, err)
	}
	if _, err := w.PutAlias(ctx, spec.Alias{Name: "live", Function: "echo", Version: "1", SecondVersion: "2", Weight: 0.5}); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	seen := map[string]int{}
	for range 200 {
		seen[w.get("echo", "live").Version]++
	}
	if seen["1"] < 50 || seen["2"] < 50 {
		t.Errorf("weights not kept: %v", seen)
	}
	if w.get("echo", "1").Timeout.D() != 15*time.Minute || w.get("echo", "2").Timeout.D() != 9*time.Second {
		t.Error("versions are not what was published")
	}
	if err := w.Delete(ctx, "echo", "live"); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "DeleteAlias") {
		t.Errorf("an alias as a version: %v", err)
	}
	if err := w.Delete(ctx, "echo", "1"); !errdefs.IsConflict(err) {
		t.Errorf("deleting an aliased version: %v", err)
	}
}

func TestTheLaterChangeWins(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	fn := w.get("echo", "")
	fn.Concurrency = 7
	if _, err := w.Put(ctx, fn); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	if got := w.get("echo", "").Concurrency; got != 7 {
		t.Errorf("API change lost in a restart: concurrency %d", got)
	}
	if w.get("echo", "").Digest != fn.Digest {
		t.Error("a scaling field changed the digest")
	}
	w.manifest("echo", echo+"concurrency: 3\n")
	w.until("manifest", func() bool { return w.get("echo", "").Concurrency == 3 })
	if err := w.Delete(ctx, "echo", ""); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	if has(w, "echo")() {
		t.Error("deleted function came back without a change of its manifest")
	}
	w.manifest("echo", echo+"concurrency: 4\n")
	w.until("return", has(w, "echo"))
}

func TestPutIsDurableAndValidated(t *testing.T) {
	w := newWorld(t)
	_, err := w.Put(ctx, spec.Function{Name: "a b", Image: "x"})
	var p *Mistake
	if !errdefs.IsInvalidArgument(err) || !errors.As(err, &p) || p.Field != "name" {
		t.Errorf("got %v", err)
	}
	if _, err := w.Put(ctx, spec.Function{Name: "api", Image: "docker.io/library/x:1"}); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	if fn := w.get("api", "$LATEST"); fn.Image != "docker.io/library/x:1" || fn.Digest == "" {
		t.Errorf("got %+v", fn)
	}
	if err := w.Delete(ctx, "api", ""); err != nil || has(w, "api")() {
		t.Errorf("delete: %v", err)
	}
}

func TestBinaryReplacedChangesTheDigest(t *testing.T) {
	w := newWorld(t)
	w.manifest("echo", echo)
	w.until("loading", has(w, "echo"))
	before := w.get("echo", "").Digest
	if err := atomicfile.Write(filepath.Join(w.cfg.Functions, "echo", "echo"), []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.until("new digest", func() bool { return w.get("echo", "").Digest != before })
}
