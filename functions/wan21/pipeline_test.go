package wan21

import (
	"context"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

const demoCheckpoint = "../../images/demo/wan21-tiny"

var demo struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
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
	demo.Do(func() {
		if demo.dir, demo.err = os.MkdirTemp("", "wan21-test-"); demo.err != nil {
			return
		}
		_, demo.err = Build(context.Background(), demoCheckpoint, filepath.Join(demo.dir, "bundle"), BuildOptions{})
	})
	if demo.err != nil {
		t.Fatal(demo.err)
	}
	return filepath.Join(demo.dir, "bundle")
}

func openPipeline(t testing.TB, dir string, o engine.Options) *Pipeline {
	t.Helper()
	b, err := weights.OpenBundle(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(context.Background(), b, e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// small is a request that takes a moment.
func small() Request {
	return Request{Prompt: "a big red circle moving right on a navy background", Width: 64, Height: 48, Frames: 9, Steps: 2, Guidance: 4, Seed: 5}
}

func TestGenerateIsDeterministic(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	var all [2][]float32
	for i := range all {
		frames, steps := 0, 0
		err := p.Generate(context.Background(), small(), Observer{
			Step:    func(done, total int) { steps++ },
			Latents: func(v []float32, shape []int64) { all[i] = append([]float32(nil), v...) },
			Frame: func(rgb []byte) error {
				if frames++; len(rgb) != 3*64*48 {
					t.Errorf("a frame of %d bytes", len(rgb))
				}
				return nil
			},
		})
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
	r.Width, r.Height, r.Frames, r.Steps = 128, 128, 33, 1000
	var at time.Time
	err := p.Generate(ctx, r, Observer{Step: func(done, total int) {
		if done == 1 {
			time.AfterFunc(50*time.Millisecond, func() { at = time.Now(); cancel(cause) })
		}
	}})
	if !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(at); took > 10*time.Second {
		t.Errorf("the clip went on for %s", took)
	}
}

func TestFrameErrorEndsTheClip(t *testing.T) {
	p, full := openPipeline(t, demoBundle(t), engine.Options{}), errors.New("disk is full")
	if err := p.Generate(context.Background(), small(), Observer{Frame: func([]byte) error { return full }}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestCheckSaysWhichValuesWouldDo(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	for want, change := range map[string]func(*Request){
		"width is 60; it must be a multiple of 16: 48 or 64 would do":                   func(r *Request) { r.Width = 60 },
		"height is -3; it must be a positive multiple of 16: 16 would do":               func(r *Request) { r.Height = -3 },
		"num_frames is 10; this model makes a multiple of 4 plus one: 9 or 13 would do": func(r *Request) { r.Frames = 10 },
		"num_frames is 0; this model makes a multiple of 4 plus one: 1 or 5 would do":   func(r *Request) { r.Frames = 0 },
		"width is 160000; at most 16384 is possible":                                    func(r *Request) { r.Width = 160000 },
		"num_inference_steps is 0; at least 1 is needed":                                func(r *Request) { r.Steps = 0 },
	} {
		r := small()
		change(&r)
		err := p.Generate(context.Background(), r, Observer{})
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestOneFrame(t *testing.T) {
	p, n := openPipeline(t, demoBundle(t), engine.Options{}), 0
	r := small()
	r.Frames = 1
	if err := p.Generate(context.Background(), r, Observer{Frame: func([]byte) error { n++; return nil }}); err != nil || n != 1 {
		t.Errorf("%d frames, %v", n, err)
	}
}

func BenchmarkDemoClip(b *testing.B) {
	p := openPipeline(b, demoBundle(b), engine.Options{})
	d := p.Defaults()
	for b.Loop() {
		start, denoised := time.Now(), time.Time{}
		err := p.Generate(context.Background(), Request{Prompt: small().Prompt, Width: d.Width, Height: d.Height, Frames: d.Frames, Steps: d.Steps, Guidance: d.Guidance, Seed: 1},
			Observer{Latents: func([]float32, []int64) { denoised = time.Now() }, Frame: func([]byte) error { return nil }})
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
	r.Steps = 6
	err := p.Generate(context.Background(), r, Observer{Preview: func(img image.Image) {
		if n++; img.Bounds().Dx() != r.Width || img.Bounds().Dy() != r.Height {
			t.Errorf("a preview of %v", img.Bounds())
		}
	}})
	if err != nil || n != previews {
		t.Errorf("%d previews, %v", n, err)
	}
}
