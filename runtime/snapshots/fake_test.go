package snapshots

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sandbox is the scripted fake with checkpoints that are files and restores that read none.
type sandbox struct {
	*sandboxtest.Fake
	dump                   func(ctx context.Context, dir string) error // instead of writing three files
	revive                 func(dir string) error                      // asked before each restore
	plain, dumps, restores atomic.Int32
	restored               []string // GPUs of the last restore
}

type box struct {
	instance.Box
	s *sandbox
}

// Info has the fake's say that it restores.
func (s *sandbox) Info() instance.Info {
	info := s.Fake.Info()
	info.Restores = true
	return info
}

func (s *sandbox) Create(ctx context.Context, c instance.Config) (instance.Box, error) {
	s.plain.Add(1)
	return s.create(ctx, c)
}

func (s *sandbox) create(ctx context.Context, c instance.Config) (instance.Box, error) {
	b, err := s.Fake.Create(ctx, c)
	if err != nil {
		return nil, err
	}
	return &box{b, s}, nil
}

func (s *sandbox) Restore(ctx context.Context, c instance.Config, dir string) (instance.Box, error) {
	s.restores.Add(1)
	if s.revive != nil {
		if err := s.revive(dir); err != nil {
			return nil, err
		}
	}
	b, err := s.create(ctx, c)
	if err != nil {
		return nil, err
	}
	if s.restored, err = c.Devices(); err != nil {
		return nil, err
	}
	return b, b.Start(ctx)
}

// images are what a checkpoint leaves.
var images = []string{"core-1.img", "mm-1.img", "pages-1.img"}

func (b *box) Checkpoint(ctx context.Context, dir string, exit bool) error {
	b.s.dumps.Add(1)
	if b.s.dump != nil {
		if err := b.s.dump(ctx, dir); err != nil {
			return err
		}
	}
	for _, name := range images {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte(name), 100), 0o600); err != nil {
			return err
		}
	}
	if exit {
		return b.Stop(ctx, 0)
	}
	return nil
}

// one is a catalogue of one function.
type one struct{ fn spec.Function }

func (o *one) Get(_ context.Context, name, _ string) (spec.Function, error) {
	if name != o.fn.Name {
		return spec.Function{}, errdefs.ErrNotFound
	}
	return o.fn, nil
}
func (o *one) List(context.Context) ([]spec.Function, error) { return []spec.Function{o.fn}, nil }
func (o *one) Versions(context.Context, string) ([]spec.Function, error) {
	return []spec.Function{o.fn}, nil
}
func (o *one) Mistake(string) string { return "" }

// digests are a function's contents, which a test changes at will.
type digests struct {
	image, bundle string
	err           error
}

func (d *digests) Digests(context.Context, spec.Function) (image, bundle, mounts string, err error) {
	return d.image, d.bundle, "", d.err
}

// rig is a service that makes snapshots of what a real dispatcher starts in the fake sandbox.
type rig struct {
	*Service
	t       *testing.T
	box     *sandbox
	fn      spec.Function
	content *digests
	d       *dispatch.Dispatcher
	dir     string // the catalogue's
	now     time.Time
	pools   func() []placement.Pool // nil: there is room for everything
}

// late is the dispatcher that is made after the service.
type late struct{ r *rig }

func (l late) Lend(ctx context.Context, fn spec.Function, dir string, use func(context.Context, *instance.Instance) error) error {
	return l.r.d.Lend(ctx, fn, dir, use)
}

func newRig(t *testing.T, change ...func(*rig)) *rig {
	t.Helper()
	r := &rig{
		t: t, box: &sandbox{Fake: sandboxtest.NewFake()}, content: &digests{image: "sha256:a"}, dir: t.TempDir(), now: time.Unix(1e9, 0),
		fn: spec.Function{
			Name: "f", Version: "$LATEST", Digest: "d", Image: "i", Concurrency: 1, EventsAtOnce: 1, QueueLimit: 100,
			Timeout: spec.Duration(time.Minute), InitTimeout: spec.Duration(time.Minute), KeepAlive: spec.Duration(time.Hour),
			CancelGrace: spec.Duration(time.Second), Limits: spec.Limits{Memory: spec.DefaultMemory, Payload: 6 << 20},
			Snapshot: "always", SnapshotOn: "init", SnapshotEvent: `"proof"`,
		},
	}
	for _, c := range change {
		c(r)
	}
	r.open()
	t.Cleanup(r.close)
	return r
}

func (r *rig) open() {
	r.t.Helper()
	log := slog.New(slog.DiscardHandler)
	c, err := catalog.Open(catalog.Options{Dir: r.dir})
	if err == nil {
		r.Service, err = New(Options{
			Catalog: c, Lender: late{r}, Content: r.content, Machine: snapshotter.Machine{Kernel: "6", CRIU: "4.2"}, Runtime: "r", Log: log,
			Now: func() time.Time { return r.now },
		})
	}
	if err == nil {
		dir := r.t.TempDir()
		r.d, err = dispatch.New(dispatch.Config{
			Functions: &one{r.fn}, Sandbox: r.box, RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "log"), Owner: "test",
			Snapshots: r.Service, Log: log, Pools: r.pools,
		})
	}
	if err == nil {
		err = r.d.Start(context.Background())
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// close stops everything and checks that nothing is left.
func (r *rig) close() {
	r.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.d.Stop(ctx); err != nil {
		r.t.Error(err)
	}
	if boxes, err := r.box.List(ctx); err != nil || len(boxes) > 0 {
		r.t.Errorf("boxes left: %v, %v", boxes, err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "tmp-*")); len(left) > 0 {
		r.t.Errorf("folders left: %v", left)
	}
}

// ask invokes the function in a new instance, and waits for what is made in the background of that.
func (r *rig) ask() {
	r.t.Helper()
	res, err := r.d.Invoke(r.t.Context(), spec.Invocation{ID: "i", Function: "f", Payload: []byte(`"hello"`)})
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil || b.String() != `"hello"` {
		r.t.Fatalf("answer %q, %v", b.String(), err)
	}
	r.work.Wait()
	all, err := r.d.Instances(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, i := range all {
		if err := r.d.StopInstance(r.t.Context(), i.ID); err != nil && !errors.Is(err, errdefs.ErrNotFound) {
			r.t.Fatal(err)
		}
	}
}

// only is the one snapshot there is.
func (r *rig) only(state catalog.State) catalog.Record {
	r.t.Helper()
	all, err := r.Service.List(r.t.Context())
	if err != nil || len(all) != 1 || all[0].State != state {
		r.t.Fatalf("snapshots %+v, %v; one that is %s is expected", all, err, state)
	}
	return all[0]
}

// counts compares the plain starts, dumps and restores that there have been.
func (r *rig) counts(plain, dumps, restores int32) {
	r.t.Helper()
	if p, d, s := r.box.plain.Load(), r.box.dumps.Load(), r.box.restores.Load(); p != plain || d != dumps || s != restores {
		r.t.Errorf("%d plain starts, %d dumps, %d restores; expected %d, %d, %d", p, d, s, plain, dumps, restores)
	}
}
