package tensorrt_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

var spark = tensorrt.Target{Capability: 121, Name: "NVIDIA GB10"}

// script is a planner that is a shell script.
func script(t *testing.T, body string) (b *tensorrt.Builder, runs func() int) {
	t.Helper()
	path, runs := faketrt.Planner(t, body, "fake 121", "in x 0 -1", "out y 0 -1")
	return &tensorrt.Builder{Planner: path, Grace: 100 * time.Millisecond}, runs
}

const good = `printf '%s\n' "$plan" >&3; ended`

// entries are the files below dir.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, filepath.Base(path))
		}
		return nil
	})
	return names
}

func TestAPlanIsBuiltOnceAndFoundAgain(t *testing.T) {
	b, runs := script(t, "sleep 0.2; "+good)
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 4 { // as four processes would: each has a cache of its own over the one folder
		all.Go(func() {
			p := &tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b}
			if _, err := p.Plan(context.Background(), "/m/g.tensorrt.onnx", spark); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	p := &tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: "d"}
	_, at, err := p.Fact("g.tensorrt.onnx", spark)
	if err != nil {
		t.Fatal(err)
	}
	faketrt.Plan(t, filepath.Join(filepath.Dir(at), ".partial-of-a-server-that-was-killed", "plan"), "half")
	path, err := p.Plan(context.Background(), "/elsewhere/g.tensorrt.onnx", spark) // the bundle was moved
	if err != nil || runs() != 1 || len(entries(t, dir)) != 2 {
		t.Errorf("%s, %v, built %d times, %v", path, err, runs(), entries(t, dir))
	}
	e := tensorrt.New(faketrt.Load(t), p)
	defer e.Close()
	s, err := e.Open(context.Background(), "/m/g.tensorrt.onnx", gpu)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if out, err := s.Run(context.Background(), engine.Values{"x": engine.Floats([]float32{3}, 1)}); err != nil || out.Float32("y")[0] != 3 {
		t.Error(out, err)
	}
}

// TestAPlanIsNamedByAllThatItDependsOn: whatever differs, another plan is built.
func TestAPlanIsNamedByAllThatItDependsOn(t *testing.T) {
	shape := func(n int64) func(string) (tensorrt.Recipe, error) {
		return func(string) (tensorrt.Recipe, error) {
			r := tensorrt.Range{Least: []int64{1}, Usual: []int64{n}, Most: []int64{n}}
			return tensorrt.Recipe{Profiles: []tensorrt.Profile{{"x": r}}, Limits: tensorrt.ResourceLimits{Time: time.Duration(n)}}, nil
		}
	}
	seen := map[string]string{}
	for name, c := range map[string]struct {
		p     *tensorrt.Plans
		graph string
		on    tensorrt.Target
	}{
		"one":             {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "a"}, "g.onnx", spark},
		"another bundle":  {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "b"}, "g.onnx", spark},
		"another version": {&tensorrt.Plans{Library: "TensorRT 10.15.0", Digest: "a"}, "g.onnx", spark},
		"another family":  {&tensorrt.Plans{Library: "TensorRT-RTX 1.6.1", Digest: "a"}, "g.onnx", spark},
		"another GPU":     {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "a"}, "g.onnx", tensorrt.Target{Capability: 121, Name: "NVIDIA GB20"}},
		"another kind":    {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "a"}, "g.onnx", tensorrt.Target{Capability: 90, Name: "NVIDIA GB10"}},
		"another graph":   {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "a"}, "h.onnx", spark},
		"other shapes":    {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "a", Recipe: shape(4)}, "g.onnx", spark},
		"others still":    {&tensorrt.Plans{Library: "TensorRT 10.14.1", Digest: "a", Recipe: shape(5)}, "g.onnx", spark},
	} {
		_, path, err := c.p.Fact(c.graph, c.on)
		if err != nil || seen[path] != "" {
			t.Errorf("%s is at %s as is %s, %v", name, path, seen[path], err)
		}
		seen[path] = name
	}
	rtx := tensorrt.Plans{Library: "TensorRT-RTX 1.6.1", Digest: "a"}
	_, one, _ := rtx.Fact("g.onnx", spark)
	if _, two, err := rtx.Fact("g.onnx", tensorrt.Target{Capability: 121}); one != two || err != nil {
		t.Errorf("TensorRT-RTX's plans fit every GPU of a kind: %s, %s, %v", one, two, err)
	}
}

func TestWhatIsDamagedIsBuiltAgain(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"cut off":            func(p string) error { return os.Truncate(p, 10) },
		"changed":            func(p string) error { return os.WriteFile(p, []byte("fake 121\nin x 0 -1\nout z 0 -1\n"), 0o600) },
		"gone":               os.Remove,
		"without facts":      func(p string) error { return os.Remove(p + ".json") },
		"with half facts":    func(p string) error { return os.Truncate(p+".json", 20) },
		"with another's":     func(p string) error { return os.WriteFile(p+".json", []byte(`{"bytes":1,"crc32c":"00000000"}`), 0o600) },
		"with empty facts":   func(p string) error { return os.WriteFile(p+".json", nil, 0o600) },
		"with facts of null": func(p string) error { return os.WriteFile(p+".json", []byte("null"), 0o600) },
		"a pipe":             func(p string) error { return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o600)) },
		"a folder":           func(p string) error { return errors.Join(os.Remove(p), os.MkdirAll(p+"/x", 0o700)) },
		"a link to nothing":  func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/nowhere/at/all", p)) },
		"a link to itself":   func(p string) error { return errors.Join(os.Remove(p), os.Symlink(p, p)) },
		"a link to another":  func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p)) },
		"a device":           func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/dev/zero", p)) },
		"with a pipe beside": func(p string) error { return errors.Join(os.Remove(p+".json"), syscall.Mkfifo(p+".json", 0o600)) },
		"with a folder":      func(p string) error { return errors.Join(os.Remove(p+".json"), os.MkdirAll(p+".json/x", 0o700)) },
		"with endless facts": func(p string) error { return errors.Join(os.Remove(p+".json"), os.Symlink("/dev/zero", p+".json")) },
	} {
		b, runs := script(t, good)
		dir := t.TempDir()
		p := &tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b}
		path, err := p.Plan(context.Background(), "g.onnx", spark)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(path); err != nil {
			t.Fatal(err)
		}
		if f, err := tensorrt.Known(path); err == nil || !errdefs.IsDataLoss(err) && !errdefs.IsNotFound(err) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		p.Builder = nil
		if _, err := p.Plan(context.Background(), "g.onnx", spark); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "models plan") {
			t.Errorf("%s, where nothing may be built: %v", name, err)
		}
		p.Builder = b
		if _, err := p.Plan(context.Background(), "g.onnx", spark); err != nil || runs() != 2 || len(entries(t, dir)) != 2 {
			t.Errorf("%s: %v, built %d times, %v", name, err, runs(), entries(t, dir))
		}
		if _, err := tensorrt.Known(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two processes that build anew at once take turns: neither takes away what the other is writing.
func TestTwoThatBuildAnewTakeTurns(t *testing.T) {
	dir, failed := t.TempDir(), make(chan error, 8)
	for range cap(failed) {
		b, _ := script(t, good)
		p := &tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b, Again: true}
		go func() {
			_, err := p.Plan(context.Background(), "g.onnx", spark)
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if left := entries(t, dir); len(left) != 2 {
		t.Error(left)
	}
}

// A plan that is not what was written beside it never reaches TensorRT, which may fall over it.
func TestADamagedPlanIsNotOpened(t *testing.T) {
	b, _ := script(t, good)
	p := &tensorrt.Plans{Dir: t.TempDir(), Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b}
	path, err := p.Plan(context.Background(), "g.onnx", spark)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	e := tensorrt.New(faketrt.Load(t), nil)
	defer e.Close()
	if _, err := e.Open(context.Background(), path, gpu); !errdefs.IsDataLoss(err) || !strings.Contains(err.Error(), "`videosdgx models plan` builds it again") {
		t.Error(err)
	}
}

// TestABuildThatFailsLeavesNothing: killed, hanging, a full disk, and what a killed server's build left before.
func TestABuildThatFailsLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		body, say string
		is        func(error) bool
	}{
		"killed":    {`printf half >&3; kill -9 $$`, "(signal: killed); the system kills what takes more memory", errdefs.IsInternal},
		"hangs":     {`printf half >&3; exec sleep 60`, "took longer than", errdefs.IsDeadlineExceeded},
		"no word":   {`printf half >&3`, "without a word", errdefs.IsInternal},
		"full disk": {`trap '' XFSZ; ulimit -f 8; dd if=/dev/zero bs=64k count=4 >&3 2>/dev/null || { echo '{"ended":true,"error":"cannot write the plan: File too large","class":"exhausted"}'; exit 1; }; ended`, "cannot write the plan", errdefs.IsResourceExhausted},
	} {
		b, _ := script(t, c.body)
		dir := t.TempDir()
		p := &tensorrt.Plans{Dir: dir, Library: "TensorRT 10.14.1", Digest: "d", Builder: b, Recipe: func(string) (tensorrt.Recipe, error) {
			return tensorrt.Recipe{Limits: tensorrt.ResourceLimits{Time: 2 * time.Second}}, nil
		}}
		_, path, err := p.Fact("g.onnx", spark)
		if err != nil {
			t.Fatal(err)
		}
		faketrt.Plan(t, filepath.Join(filepath.Dir(path), ".partial-of-one-that-was-killed", "plan"), "half")
		if _, err := p.Plan(context.Background(), "g.onnx", spark); err == nil || !c.is(err) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
			t.Errorf("%s: %v are left, %v", name, left, err)
		}
	}
}

// TestABuildThatEndedWellIsTaken: also when what it said on its standard error is still to be heard, as on a busy machine.
func TestABuildThatEndedWellIsTaken(t *testing.T) {
	b, _ := script(t, "sleep 1 >/dev/null 3>&- & "+good)
	p := &tensorrt.Plans{Dir: t.TempDir(), Library: "TensorRT 10.14.1", Digest: "d", Builder: b}
	if _, err := p.Plan(context.Background(), "g.onnx", spark); err != nil {
		t.Error(err)
	}
}

// TestAFolderOfPlansGoesWithWhatFailed: one that was made for a build, not one that was there; and not what others have in it.
func TestAFolderOfPlansGoesWithWhatFailed(t *testing.T) {
	bad, _ := script(t, `echo '{"ended":true,"error":"it takes no sm_75","class":"unavailable"}'; exit 1`)
	b, _ := script(t, good)
	dir := filepath.Join(t.TempDir(), "plans")
	p := &tensorrt.Plans{Dir: dir, Library: "TensorRT 10.14.1", Digest: "d", Builder: bad}
	fails := func() {
		t.Helper()
		if _, err := p.Plan(context.Background(), "g.onnx", tensorrt.Target{Capability: 75}); !errdefs.IsFailedPrecondition(err) {
			t.Error(err)
		}
	}
	fails()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder that was made stays: %v", err)
	}
	p.Builder = b
	if _, err := p.Plan(context.Background(), "g.onnx", spark); err != nil {
		t.Fatal(err)
	}
	p.Builder = bad
	fails()
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil || len(entries(t, dir)) != 2 {
		t.Errorf("%v, %v, %v", left, entries(t, dir), err)
	}
	stop, cancel := context.WithCancelCause(context.Background())
	cancel(errdefs.ErrAborted)
	if _, err := p.Plan(stop, "g.onnx", tensorrt.Target{Capability: 75}); !errdefs.IsAborted(err) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
}

// TestOneWhoWaitsForAFolderThatGoesMakesItAgain: builds that fail and builds that do not, over one folder.
func TestOneWhoWaitsForAFolderThatGoesMakesItAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plans")
	bad, _ := script(t, `echo '{"ended":true,"error":"no","class":"unavailable"}'; exit 1`)
	b, _ := script(t, good)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			p := &tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: bad, Again: true}
			if i%2 == 0 {
				p.Builder = b
			}
			graph := string(rune('a'+i)) + ".onnx"
			if _, err := p.Plan(context.Background(), graph, spark); (err == nil) != (i%2 == 0) {
				t.Errorf("%s: %v", graph, err)
			}
		})
	}
	all.Wait()
	if left := entries(t, dir); len(left) != 8 {
		t.Error(left)
	}
}

func TestVerdictsAreKeptAndSearchedFor(t *testing.T) {
	b, _ := script(t, good)
	lib, dir := faketrt.Load(t), t.TempDir()
	p := &tensorrt.Plans{Dir: dir, Library: lib.Name(), Digest: "d", Builder: b}
	on := tensorrt.Target{Capability: 121, Name: "Test GPU"}
	path, err := p.Plan(context.Background(), "g.tensorrt.onnx", on)
	if err != nil {
		t.Fatal(err)
	}
	accepted := func(f tensorrt.Facts) bool { return f.Accepted }
	search := func(digest string, on tensorrt.Target, fit func(tensorrt.Facts) bool) map[string]tensorrt.Found {
		found, err := tensorrt.Search(dir, digest, lib, on, fit)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := search("d", on, accepted); len(found) != 0 {
		t.Errorf("accepted before it was compared: %v", found)
	}
	if err := tensorrt.Accept(path, checksum(t, path), "0.01 of the largest value", true); err != nil {
		t.Fatal(err)
	}
	if found := search("d", on, accepted); found["g"] != (tensorrt.Found{Path: path, Sum: checksum(t, path)}) {
		t.Errorf("%v", found)
	}
	if found := search("another", on, accepted); len(found) != 0 {
		t.Errorf("another bundle's: %v", found)
	}
	if found := search("d", tensorrt.Target{Capability: 90}, accepted); len(found) != 0 {
		t.Errorf("for another GPU: %v", found)
	}
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	if found := search("d", on, accepted); len(found) != 0 {
		t.Errorf("a damaged one: %v", found)
	}
	if err := tensorrt.Discard(path); err != nil || len(entries(t, dir)) != 0 {
		t.Error(err, entries(t, dir))
	}
	if found, err := tensorrt.Search(filepath.Join(dir, "nowhere"), "d", lib, on, accepted); err != nil || len(found) != 0 {
		t.Error(found, err)
	}
}

func TestAPlanOfAnotherGPUSaysSoBeforeTensorRTIsAsked(t *testing.T) {
	b, _ := script(t, good)
	p := &tensorrt.Plans{Dir: t.TempDir(), Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b}
	path, err := p.Plan(context.Background(), "g.onnx", tensorrt.Target{Capability: 89})
	if err != nil {
		t.Fatal(err)
	}
	e := tensorrt.New(faketrt.Load(t), nil)
	defer e.Close()
	_, err = e.Open(context.Background(), path, gpu)
	if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "is for sm_89, and Test GPU (cuda:0) is sm_121: build one for it with `videosdgx models plan`") {
		t.Error(err)
	}
}

// FuzzCache: whatever lies in a cache's folder, a plan is what was written or it is built again, and nobody falls over it.
func FuzzCache(f *testing.F) {
	f.Add([]byte("fake 121\nin x 0 -1\n"), []byte(`{"bytes":19,"crc32c":"00000000","accepted":true}`))
	f.Add([]byte(nil), []byte(`{"recipe":{"profiles":[{"x":{"least":[1]}}]},"target":{"capability":"x"}}`))
	f.Add([]byte("x"), []byte(`[1,2`))
	f.Fuzz(func(t *testing.T, plan, facts []byte) {
		path := filepath.Join(t.TempDir(), "x.plan")
		if os.WriteFile(path, plan, 0o600) != nil || os.WriteFile(path+".json", facts, 0o600) != nil {
			t.Skip()
		}
		got, err := tensorrt.Known(path)
		if err != nil {
			if !errdefs.IsDataLoss(err) {
				t.Errorf("%v", err)
			}
			return
		}
		if got.Bytes != int64(len(plan)) || !json.Valid(facts) {
			t.Errorf("%q with %q is taken for a plan", plan, facts)
		}
	})
}

// FuzzPlan: a session is opened with a plan of noise, or refused with a class.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(strings.Join(adder, "\n")))
	f.Add([]byte("fake 121\nin x 0 99999999999 -1 -1 -1 -1 -1 -1 -1 -1\nout y 7"))
	var e *tensorrt.Engine
	f.Fuzz(func(t *testing.T, plan []byte) {
		if e == nil {
			e = tensorrt.New(faketrt.Load(t), nil)
		}
		path := filepath.Join(t.TempDir(), "x.plan")
		if err := os.WriteFile(path, plan, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := e.Open(context.Background(), path, gpu)
		if err != nil {
			if !errdefs.IsInvalidArgument(err) && !errdefs.IsNotImplemented(err) {
				t.Errorf("%v", err)
			}
			return
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestOfSeveralPlansTheLastServes: for other shapes, or with ranges of INT8 that were not known before.
func TestOfSeveralPlansTheLastServes(t *testing.T) {
	b, _ := script(t, good)
	lib, dir, on := faketrt.Load(t), t.TempDir(), tensorrt.Target{Capability: 121}
	var paths []string
	for i := range 4 {
		p := &tensorrt.Plans{Dir: dir, Library: lib.Name(), Digest: "d", Builder: b, Recipe: func(string) (tensorrt.Recipe, error) { return tensorrt.Recipe{Workspace: int64(i)}, nil }}
		path, err := p.Plan(context.Background(), "g.tensorrt.onnx", on)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for last := range paths {
		for i, path := range paths {
			at := time.Unix(1e9+int64((i-last+len(paths)-1)%len(paths)), 0)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
		found, err := tensorrt.Search(dir, "d", lib, on, func(tensorrt.Facts) bool { return true })
		if err != nil || found["g"].Path != paths[last] {
			t.Errorf("%s is the last: %v, %v", paths[last], found, err)
		}
	}
}
