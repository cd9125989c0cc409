package wan

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

const demoCheckpoint = "../../images/demo/wan21-tiny"

var demo struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	compiletest.BearsFP16 = func(graph string) bool { return slices.Contains(bearsFP16, graph) }
	code := m.Run()
	os.RemoveAll(demo.dir)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// demoBundle builds the demo checkpoint once for all tests.
func demoBundle(t testing.TB) string {
	t.Helper()
	kernelstest.Library(t)
	demo.Do(func() {
		if demo.dir, demo.err = os.MkdirTemp("", "wan21-test-"); demo.err != nil {
			return
		}
		_, demo.err = serve.Build(context.Background(), demoCheckpoint, filepath.Join(demo.dir, "bundle"), Recipe, bundle.Options{})
	})
	if demo.err != nil {
		t.Fatal(demo.err)
	}
	return filepath.Join(demo.dir, "bundle")
}

func openPipeline(t testing.TB, dir string, o engine.Options) *Pipeline {
	t.Helper()
	m, err := serve.Open(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m.Options = o
	p, err := open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// silence is an output that nobody looks at.
func silence() handler.Output {
	return handler.Output{Progress: func(handler.Progress) {}, Frame: func([]byte) error { return nil }, Latents: func([]float32) {}}
}

// small is a request that takes a moment.
func small() handler.Request {
	return handler.Request{Prompt: "a big red circle moving right on a navy background", Width: 64, Height: 48, NumFrames: 9, Steps: 2, Guidance: 4, Seed: 5}
}

func TestGenerateIsDeterministic(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	var all [2][]float32
	for i := range all {
		frames, steps := 0, 0
		out := silence()
		out.Progress = func(p handler.Progress) {
			if p.Phase == "denoise" && p.Step > 0 {
				steps++
			}
		}
		out.Latents = func(v []float32) { all[i] = append([]float32(nil), v...) }
		out.Frame = func(rgb []byte) error {
			if frames++; len(rgb) != 3*64*48 {
				t.Errorf("a frame of %d bytes", len(rgb))
			}
			return nil
		}
		err := p.Generate(context.Background(), small(), out)
		if err != nil {
			t.Fatal(err)
		}
		if frames != 9 || steps != 2 {
			t.Errorf("%d frames, %d steps", frames, steps)
		}
	}
	for i, v := range all[0] {
		if math.Float32bits(v) != math.Float32bits(all[1][i]) {
			t.Fatalf("latent %d is %g, then %g", i, v, all[1][i])
		}
	}
	if len(all[0]) != 16*3*6*8 {
		t.Errorf("%d latents", len(all[0]))
	}
}

func TestGenerateStopsWithItsContext(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	cause := errors.New("cancelled by the user")
	ctx, cancel := context.WithCancelCause(context.Background())
	r := small()
	r.Width, r.Height, r.NumFrames, r.Steps = 128, 128, 33, 1000
	var at time.Time
	out := silence()
	out.Progress = func(p handler.Progress) {
		if p.Phase == "denoise" && p.Step == 1 {
			time.AfterFunc(50*time.Millisecond, func() { at = time.Now(); cancel(cause) })
		}
	}
	err := p.Generate(ctx, r, out)
	if !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(at); took > 10*time.Second {
		t.Errorf("the clip went on for %s", took)
	}
}

func TestFrameErrorEndsTheClip(t *testing.T) {
	p, full := openPipeline(t, demoBundle(t), engine.Options{}), errors.New("disk is full")
	out := silence()
	out.Frame = func([]byte) error { return full }
	if err := p.Generate(context.Background(), small(), out); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestCheckSaysWhichValuesWouldDo(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	for want, change := range map[string]func(*handler.Request){
		"width is 60; it must be a multiple of 16: 48 or 64 would do":                   func(r *handler.Request) { r.Width = 60 },
		"height is -3; it must be a positive multiple of 16: 16 would do":               func(r *handler.Request) { r.Height = -3 },
		"num_frames is 10; this model makes a multiple of 4 plus one: 9 or 13 would do": func(r *handler.Request) { r.NumFrames = 10 },
		"num_frames is 0; this model makes a multiple of 4 plus one: 1 or 5 would do":   func(r *handler.Request) { r.NumFrames = 0 },
		"width is 160000; at most 16384 is possible":                                    func(r *handler.Request) { r.Width = 160000 },
		"num_inference_steps is 0; at least 1 is needed":                                func(r *handler.Request) { r.Steps = 0 },
	} {
		r := small()
		change(&r)
		err := p.Generate(context.Background(), r, silence())
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestOneFrame(t *testing.T) {
	p, n := openPipeline(t, demoBundle(t), engine.Options{}), 0
	r := small()
	r.NumFrames = 1
	out := silence()
	out.Frame = func([]byte) error { n++; return nil }
	if err := p.Generate(context.Background(), r, out); err != nil || n != 1 {
		t.Errorf("%d frames, %v", n, err)
	}
}

func BenchmarkDemoClip(b *testing.B) {
	p := openPipeline(b, demoBundle(b), engine.Options{})
	d := p.defaults
	for b.Loop() {
		start, denoised := time.Now(), time.Time{}
		out := silence()
		out.Latents = func([]float32) { denoised = time.Now() }
		err := p.Generate(context.Background(), handler.Request{Prompt: small().Prompt, Width: d.Width, Height: d.Height, NumFrames: d.Frames, Steps: d.Steps, Guidance: d.Guidance, Seed: 1}, out)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(denoised.Sub(start).Seconds(), "s-denoise")
		b.ReportMetric(time.Since(denoised).Seconds(), "s-decode")
	}
}

func TestPreviewsShowTheClipOnItsWay(t *testing.T) {
	p, n := openPipeline(t, demoBundle(t), engine.Options{}), 0
	r := small()
	r.Steps, r.Preview = 6, true
	out := silence()
	out.Progress = func(p handler.Progress) {
		if p.Preview == nil {
			return
		}
		if b := p.Preview.Bounds(); b.Dx() != r.Width || b.Dy() != r.Height {
			t.Errorf("a preview of %v", b)
		}
		n++
	}
	err := p.Generate(context.Background(), r, out)
	if err != nil || n != previews {
		t.Errorf("%d previews, %v", n, err)
	}
}
