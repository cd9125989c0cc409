package dispatch_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/registry"
	"github.com/videosdgx/videosdgx/runtime/sandbox/process"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// plane is a registry and a dispatcher on real processes.
type plane struct {
	t        testing.TB
	bin      sandboxtest.Binaries
	dir      string
	registry *registry.Registry
	*dispatch.Dispatcher
	driver *process.Driver
}

func newPlane(t testing.TB) *plane {
	t.Helper()
	p := &plane{t: t, bin: sandboxtest.Build(t), dir: t.TempDir()}
	p.open()
	t.Cleanup(p.close)
	return p
}

func (p *plane) open() {
	p.t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if p.registry, err = registry.New(registry.Config{Functions: p.dir + "/functions", Data: p.dir, Debounce: 5 * time.Millisecond, Log: quiet}); err != nil {
		p.t.Fatal(err)
	}
	if p.driver, err = process.New(process.Options{Root: p.dir + "/process", Init: p.bin.Init}); err != nil {
		p.t.Fatal(err)
	}
	p.Dispatcher, err = dispatch.New(dispatch.Config{
		Functions: p.registry, Sandbox: p.driver, RunDir: p.dir + "/run", LogDir: p.dir + "/logs", Owner: "test", Log: quiet,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.registry.Subscribe(p.Changed)
	if err := p.Start(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

// reopen is a crash of the control plane and its next start.
func (p *plane) reopen() {
	p.Abandon()
	_ = p.registry.Close()
	p.driver.Close()
	p.open()
}

func (p *plane) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = p.Stop(ctx)
	_ = p.registry.Close()
	for _, sub := range []string{"run", "process"} {
		if left, _ := filepath.Glob(filepath.Join(p.dir, sub, "*")); len(left) > 0 {
			p.t.Errorf("left behind: %v", left)
		}
	}
	p.driver.Close()
}

func (p *plane) echo(change func(*spec.Function)) {
	p.t.Helper()
	fn := spec.Function{Name: "echo", Command: []string{p.bin.Echo}}
	if change != nil {
		change(&fn)
	}
	if _, err := p.registry.Put(context.Background(), fn); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plane) call(event string) (string, *spec.Result, error) {
	res, err := p.Invoke(context.Background(), spec.Invocation{ID: "i", Function: "echo", Payload: []byte(event)})
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), res, err
}

func TestProcessThousandColdInvocations(t *testing.T) {
	p := newPlane(t)
	p.echo(func(fn *spec.Function) { fn.Concurrency = 4 })
	var work sync.WaitGroup
	for i := range 1000 {
		work.Go(func() {
			event := fmt.Sprintf(`{"n":%d}`, i)
			if got, res, err := p.call(event); err != nil || got != event || res.FunctionError != "" {
				t.Errorf("%s: %q, %v", event, got, err)
			}
		})
	}
	work.Wait()
	s, err := p.Status(t.Context(), "echo")
	if err != nil || s.ColdStarts != 4 || s.Instances != 4 || s.Invocations != 1000 || s.Errors != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if s.PlainStart <= 0 || s.Chosen != "plain" {
		t.Errorf("start %v, chosen %q", s.PlainStart, s.Chosen)
	}
}

func TestProcessExitAtStartShowsTheLog(t *testing.T) {
	p := newPlane(t)
	p.echo(func(fn *spec.Function) { fn.Env = map[string]string{"ECHO_INIT_FAIL": "no luck today"} })
	_, _, err := p.call("{}")
	if !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), "no luck today") {
		t.Errorf("got %v", err)
	}
	var log bytes.Buffer
	if err := p.Logs(t.Context(), "echo", false, &log); err != nil || !strings.Contains(log.String(), "\t-\t") || !strings.Contains(log.String(), "no luck today") {
		t.Errorf("logs %q, %v", log.String(), err)
	}
}

func TestProcessTimeoutReplacesTheInstance(t *testing.T) {
	p := newPlane(t)
	p.echo(func(fn *spec.Function) { fn.Timeout = spec.Duration(300 * time.Millisecond) })
	body, res, err := p.call(`{"sleep":"60s","stubborn":true}`)
	if err != nil || res.FunctionError != "Unhandled" || !strings.Contains(body, "Task timed out after 0.3") {
		t.Errorf("%q, %+v, %v", body, res, err)
	}
	if got, res, err := p.call(`"next"`); err != nil || got != `"next"` || !res.Phases.Cold {
		t.Errorf("%q, %v", got, err)
	}
}

// A control plane that is killed leaves its instances; the next one goes on with them.
func TestProcessInstancesSurviveTheControlPlane(t *testing.T) {
	p := newPlane(t)
	p.echo(func(fn *spec.Function) { fn.Concurrency = 2 })
	if _, _, err := p.call(`1`); err != nil {
		t.Fatal(err)
	}
	before, _ := p.Instances(t.Context())
	p.reopen()
	got, res, err := p.call(`2`)
	if err != nil || got != "2" || res.Phases.Cold {
		t.Errorf("%q, %+v, %v", got, res, err)
	}
	after, _ := p.Instances(t.Context())
	if len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// An adopted instance may still work on an event whose caller is gone: the next event goes to another one.
func TestProcessAdoptedWhileBusy(t *testing.T) {
	p := newPlane(t)
	p.echo(nil)
	begun := make(chan struct{})
	go func() {
		_, _ = p.Invoke(context.Background(), spec.Invocation{
			ID: "long", Function: "echo", Payload: []byte(`{"progress":1,"sleep":"60s","stubborn":true}`),
			OnProgress: func(spec.Progress) { close(begun) },
		})
	}()
	<-begun
	p.reopen()
	if got, _, err := p.call(`2`); err != nil || got != "2" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProcessKilledInitCostsNothing(t *testing.T) {
	p := newPlane(t)
	p.echo(nil)
	for i := range 5 {
		if got, _, err := p.call(fmt.Sprint(i)); err != nil || got != fmt.Sprint(i) {
			t.Fatalf("%q, %v", got, err)
		}
		killInits(t, p.bin.Init)
	}
}

// killInits kills every process that runs this test's own init.
func killInits(t *testing.T, init string) {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*/exe")
	killed := 0
	for _, exe := range all {
		if path, err := os.Readlink(exe); err == nil && path == init {
			var pid int
			if _, err := fmt.Sscanf(exe, "/proc/%d/exe", &pid); err == nil && unix.Kill(pid, unix.SIGKILL) == nil {
				killed++
			}
		}
	}
	if killed == 0 {
		t.Fatal("no init found to kill")
	}
}

func BenchmarkProcessWarm(b *testing.B) {
	p := newPlane(b)
	p.echo(func(fn *spec.Function) { fn.Concurrency = 8 })
	if _, _, err := p.call(`1`); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := p.call(`1`); err != nil {
				b.Error(err)
			}
		}
	})
}
