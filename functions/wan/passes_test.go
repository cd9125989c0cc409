package wan

import (
	"context"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/media"
)

func demoPipeline() *Pipeline {
	return &Pipeline{c: configs{VAE: vae.Config{}.WithDefaults(), Transformer: TransformerConfig{InChannels: 16, OutChannels: 16}}, defaults: Defaults{Frames: 33}}
}

func TestLongClipsAreMadeInPasses(t *testing.T) {
	p := demoPipeline()
	for n, want := range map[int][]pass{
		33: {{33, 0}}, 9: {{9, 0}}, 37: {{33, 0}, {13, 9}}, 129: {{33, 0}, {33, 9}, {33, 9}, {33, 9}, {33, 9}},
	} {
		got := p.passes(handler.Request{NumFrames: n})
		total := 0
		for _, ps := range got {
			total += ps.frames - ps.known
		}
		if !slices.Equal(got, want) || total != n {
			t.Errorf("%d frames: %v, want %v", n, got, want)
		}
	}
	own := handler.Request{NumFrames: 21, Values: map[string]any{windowField: 13.0}}
	if got := p.passes(own); !slices.Equal(got, []pass{{13, 0}, {13, 5}}) {
		t.Errorf("a window of 13: %v", got)
	}
	for window := 5; window <= 33; window += 4 { // each pass goes on, whatever the window
		r := handler.Request{NumFrames: 97, Values: map[string]any{windowField: float64(window)}}
		total := 0
		for _, ps := range p.passes(r) {
			if total += ps.frames - ps.known; ps.frames <= ps.known || ps.frames > window || ps.known != 0 && ps.known != p.overlap(window) {
				t.Errorf("a window of %d: %+v", window, ps)
			}
		}
		if total != 97 {
			t.Errorf("a window of %d: %d frames", window, total)
		}
	}
	p.c.Transformer.InChannels = 36
	if got := p.passes(handler.Request{NumFrames: 65}); !slices.Equal(got, []pass{{33, 0}, {33, 1}}) {
		t.Errorf("image to video: %v", got)
	}
}

// A clip in two passes has its frames, and between them nothing jumps further than it does within a pass.
func TestTwoPassesMeet(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	r := small()
	r.Width, r.Height, r.NumFrames, r.Steps, r.Values = 64, 64, 29, 8, map[string]any{windowField: 17.0}
	var frames [][]byte
	out := silence()
	out.Frame = func(rgb []byte) error { frames = append(frames, slices.Clone(rgb)); return nil }
	latents := 0
	out.Latents = func(v []float32) { latents = len(v) }
	if err := p.Generate(context.Background(), r, out); err != nil {
		t.Fatal(err)
	}
	if want := 16 * 8 * 8 * (5 + 5); len(frames) != 29 || latents != want {
		t.Fatalf("%d frames, %d latents of %d", len(frames), latents, want)
	}
	seam, inside := 0.0, 0.0
	for i := 1; i < len(frames); i++ {
		if d := apart(frames[i-1], frames[i]); i == 17 {
			seam = d
		} else {
			inside = max(inside, d)
		}
	}
	t.Logf("the seam moves pixels by %.2f, no other step by more than %.2f", seam, inside)
	if seam > 2*inside {
		t.Errorf("the seam moves pixels by %.2f, no other step by more than %.2f", seam, inside)
	}
}

// apart is the root mean square of two frames' difference.
func apart(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a)))
}

// The mask of diffusers' image-to-video pipeline: frames of pixels 0 and, with a last image, n−1, four of which a latent frame
// after the first stands for.
func TestTheMaskMarksGivenFrames(t *testing.T) {
	for _, last := range []bool{false, true} {
		const frames, plane = 3, 2
		pixels := make([]float32, 1+4*(frames-1))
		if pixels[0] = 1; last {
			pixels[len(pixels)-1] = 1
		}
		spread := append([]float32{1, 1, 1}, pixels...) // the first frame four times
		for c := range 4 {
			for f := range frames {
				if got := mask(4, frames, plane, last)[(c*frames+f)*plane]; got != spread[4*f+c] {
					t.Errorf("last %v: channel %d of frame %d is %g, want %g", last, c, f, got, spread[4*f+c])
				}
			}
		}
	}
}

// A clip that starts from another one keeps more of it the lower the strength is.
func TestStrengthIsHowMuchOfAVideoGoes(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	r := small()
	r.Steps, r.FPS = 6, 16
	var frames [][]byte
	sink := silence()
	sink.Frame = func(rgb []byte) error { frames = append(frames, slices.Clone(rgb)); return nil }
	if err := p.Generate(context.Background(), r, sink); err != nil {
		t.Fatal(err)
	}
	r.Video, r.Seed = clipFile(t, r.Width, r.Height, frames), 6
	z, err := p.encodeVideo(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	var plain []float32
	alone, out := r, silence()
	alone.Video, out.Latents = nil, func(v []float32) { plain = slices.Clone(v) }
	if err := p.Generate(context.Background(), alone, out); err != nil {
		t.Fatal(err)
	}
	var far []float64
	for _, strength := range []float64{0, 0.35, 1} {
		r.Values = map[string]any{strengthField: strength}
		var got []float32
		out := silence()
		out.Latents = func(v []float32) { got = slices.Clone(v) }
		if err := p.Generate(context.Background(), r, out); err != nil {
			t.Fatal(err)
		}
		far = append(far, distance(got, z.Float32())/norm(z.Float32()))
		if strength == 1 && !slices.Equal(got, plain) {
			t.Error("at 1 the clip is not the one that the prompt makes without a video")
		}
	}
	t.Logf("at 0, 0.35 and 1 the latents are %.3f apart from the clip's", far)
	if far[0] != 0 || far[0] >= far[1] || far[1] >= far[2] {
		t.Errorf("at 0, 0.35 and 1 the latents are %.3f apart from the clip's", far)
	}
	r.NumFrames = 33 // at strength 1
	if err := p.Generate(context.Background(), r, silence()); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "video has 9 frames") {
		t.Errorf("a clip that is too short: %v", err)
	}
}

func TestInputsThatAModelDoesNotTake(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	picture := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for want, change := range map[string]func(*handler.Request){
		"takes no last_image": func(r *handler.Request) { r.LastImage = picture },
		"takes no image":      func(r *handler.Request) { r.Image = picture },
		"window is 12; a multiple of 4 plus one is possible": func(r *handler.Request) { r.Values = map[string]any{windowField: 12.0} },
		"loras are merged by the server":                     func(r *handler.Request) { r.Values = map[string]any{lorasField: []any{map[string]any{"name": "x"}}} },
		"at most 1921 are possible":                          func(r *handler.Request) { r.NumFrames = 4001 },
	} {
		r := small()
		change(&r)
		if err := p.Generate(context.Background(), r, silence()); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// One frame cannot be both pictures.
func TestAClipBetweenTwoPicturesHasMoreThanOneFrame(t *testing.T) {
	p := &Pipeline{c: configs{VAE: vae.Config{}.WithDefaults(), Transformer: TransformerConfig{InChannels: 36, OutChannels: 16}.WithDefaults()}, defaults: Defaults{Frames: 33}}
	r := small()
	r.NumFrames, r.Image, r.LastImage = 1, image.NewRGBA(image.Rect(0, 0, 8, 8)), image.NewRGBA(image.Rect(0, 0, 8, 8))
	if err := p.Check(r); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "has at least 5") {
		t.Errorf("got %v", err)
	}
	if r.NumFrames = 5; p.Check(r) != nil {
		t.Error(p.Check(r))
	}
}

// clipFile is a clip of frames of RGB at 16 a second.
func clipFile(t *testing.T, width, height int, frames [][]byte) *media.Clip {
	t.Helper()
	e, err := media.NewEncoder(context.Background(), media.Spec{Width: width, Height: height, FPS: 16, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, rgb := range frames {
		if err := e.Frame(rgb); err != nil {
			t.Fatal(err)
		}
	}
	f, err := e.Close()
	if err != nil {
		t.Fatal(err)
	}
	c, err := media.OpenClip(context.Background(), f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}
