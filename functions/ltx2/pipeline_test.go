package ltx2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/functions/serve"
)

func TestTheSameRequestGivesTheSameClip(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	a, b := generate(t, m, small()), generate(t, m, small())
	if a.frames != 9 || len(a.rgb) != 9*3*64*32 {
		t.Errorf("%d frames of %d bytes", a.frames, len(a.rgb))
	}
	if n := 8*3*2*4 + 16*28; len(a.latents) != n { // 1.125 s of sound
		t.Errorf("%d latents, want %d", len(a.latents), n)
	}
	if a.sound.Rate != 8000 || a.sound.Channels != 2 || len(a.sound.Samples) != 2*9000 {
		t.Errorf("%d samples of %d channels at %d Hz", len(a.sound.Samples), a.sound.Channels, a.sound.Rate)
	}
	if !slices.Equal(bits(a.latents), bits(b.latents)) || !slices.Equal(a.rgb, b.rgb) || !slices.Equal(bits(a.sound.Samples), bits(b.sound.Samples)) {
		t.Error("two clips of one request differ")
	}
	other := small()
	other.Seed++
	if c := generate(t, m, other); slices.Equal(c.latents, a.latents) {
		t.Error("another seed gives the same clip")
	}
}

func bits(v []float32) []uint32 {
	out := make([]uint32, len(v))
	for i, f := range v {
		out[i] = math.Float32bits(f)
	}
	return out
}

func TestEveryFieldDoesSomething(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	plain := generate(t, m, small())
	for name, change := range map[string]func(*handler.Request){
		"negative_prompt":      func(r *handler.Request) { r.NegativePrompt = "a blue square" },
		"guidance_scale":       func(r *handler.Request) { r.Guidance = 5 },
		"audio_guidance_scale": func(r *handler.Request) { r.Values["audio_guidance_scale"] = json.Number("2") },
		"stg_scale":            func(r *handler.Request) { r.Values["stg_scale"] = json.Number("2") },
		"modality_scale":       func(r *handler.Request) { r.Values["modality_scale"] = json.Number("1") },
		"num_inference_steps":  func(r *handler.Request) { r.Steps = 3 },
		"fps":                  func(r *handler.Request) { r.FPS = 9 },
		"image":                func(r *handler.Request) { r.Image = picture(200) },
		"last_image":           func(r *handler.Request) { r.LastImage = picture(90) },
		"two_stage":            func(r *handler.Request) { r.Height = 64; r.Values["two_stage"] = true },
	} {
		r := small()
		change(&r)
		got := generate(t, m, r)
		if slices.Equal(got.latents, plain.latents) {
			t.Errorf("%s changes nothing", name)
		}
		if got.frames != r.NumFrames || len(got.sound.Samples) == 0 {
			t.Errorf("%s: %d frames, %d samples", name, got.frames, len(got.sound.Samples))
		}
	}
}

// What a refusal says would do is done, and one step less is not.
func TestWhatARefusalSaysAboutASoundsLengthIsSo(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	for fps := 1.0; fps <= 400; fps++ {
		r := small()
		r.NumFrames, r.FPS = 1, fps
		_, err := m.order(r)
		if err == nil {
			continue
		}
		var frames int
		var most float64
		text := err.Error()
		if _, err := fmt.Sscanf(text[strings.Index(text, "num_frames of"):], "num_frames of at least %d, fps of at most %g,", &frames, &most); err != nil {
			t.Fatal(text)
		}
		for _, c := range []struct {
			frames int
			fps    float64
			fits   bool
		}{{frames, fps, true}, {frames - 4, fps, false}, {1, most, true}, {1, most + 1, false}} {
			r.NumFrames, r.FPS = c.frames, c.fps
			if _, err := m.order(r); (err == nil) != c.fits {
				t.Errorf("%s: %d frames at %g: %v", text, c.frames, c.fps, err)
			}
		}
	}
}

// A scale of 0 for the sound is the video's, as in the reference; 1 is none; neither is the checkpoint's own.
func TestASoundScaleOfZeroIsTheVideos(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	of := func(scale string) []float32 {
		r := small()
		if scale != "" {
			r.Values["audio_guidance_scale"] = json.Number(scale)
		}
		return generate(t, m, r).latents
	}
	own, zero, videos, one := of(""), of("0"), of("3"), of("1")
	if !slices.Equal(zero, videos) || slices.Equal(zero, one) || slices.Equal(zero, own) || slices.Equal(one, own) {
		t.Errorf("0 is 3: %v, 1: %v, the checkpoint's: %v; 1 is the checkpoint's: %v", slices.Equal(zero, videos), slices.Equal(zero, one), slices.Equal(zero, own), slices.Equal(one, own))
	}
}

// Who asks for LoRAs is told that a bundle has them merged.
func TestLoRAsAreRefusedWithWhatWouldDo(t *testing.T) {
	said := checked(t, openModel(t, tinyBundle(t)), `{"prompt":"a bell","loras":[{"name":"film"}]}`)
	if !strings.HasPrefix(said, "loras is not a field of this request: a LoRA of this model is merged into its bundle, by `videosdgx models build CHECKPOINT --lora") {
		t.Errorf("it says %q", said)
	}
}

// checked is what the schema that a model publishes says of a request.
func checked(t *testing.T, m Model, body string) (said string) {
	t.Helper()
	s, err := schema.Compile(handler.Schema(m.Describe()))
	if err != nil {
		t.Fatal(err)
	}
	o, err := schema.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range s.Check(o) {
		said += w.Detail
	}
	return said
}

func picture(grey uint8) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 50, 40))
	for i := range 50 * 40 {
		img.Set(i%50, i/50, color.RGBA{grey, uint8(i), 10, 255})
	}
	return img
}

// The first latent frame is the image's, whatever the steps did.
func TestAnImageStaysTheFirstFrame(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	r := small()
	r.Image = picture(140)
	z, err := m.picture(context.Background(), r.Image, size{1, 2, 4})
	if err != nil {
		t.Fatal(err)
	}
	want := m.c.VAE.denormalised(z)
	got := generate(t, m, r).latents
	for c := range 8 {
		for i := range 8 { // [channels, frames, points] against rows
			if d := math.Abs(float64(got[(c*3)*8+i] - want[i*8+c])); d > 1e-5 {
				t.Fatalf("channel %d, point %d is off by %g", c, i, d)
			}
		}
	}
}

func TestSoundIsLeftOutOrAlone(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	both := generate(t, m, small())
	r := small()
	r.Values["audio"] = false
	if got := generate(t, m, r); len(got.sound.Samples) != 0 || got.frames != 9 || !slices.Equal(got.rgb, both.rgb) {
		t.Errorf("%d samples, %d frames", len(got.sound.Samples), got.frames)
	}
	r = small()
	r.Output = handler.WAV
	if got := generate(t, m, r); got.frames != 0 || !slices.Equal(got.sound.Samples, both.sound.Samples) {
		t.Errorf("%d samples, %d frames", len(got.sound.Samples), got.frames)
	}
}

// How chunks are put together is the golden's to tell; this is that they are used, and that no frame is lost.
func TestLittleMemoryDecodesInChunks(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	r := small()
	r.NumFrames, r.Guidance = 65, 1
	r.Values = map[string]any{"stg_scale": 0.0, "modality_scale": 1.0, "audio": false} // its vocoder takes more than the decoder
	whole := generate(t, m, r)
	stages, err := m.stages.Of(bundle.ClipSize{Width: 64, Height: 32, Frames: 65}, func(graph string) bool { return graph == graphDecode })
	if err != nil {
		t.Fatal(err)
	}
	m.Pipeline.memory = stages[0].Activations - 8 // some bytes too little for the whole
	chunked := generate(t, m, r)
	if chunked.frames != 65 {
		t.Fatalf("%d frames", chunked.frames)
	}
	if bytes.Equal(whole.rgb, chunked.rgb) || len(whole.rgb) != len(chunked.rgb) {
		t.Errorf("%d bytes of frames, %d in chunks; they must be as many, and not the same", len(whole.rgb), len(chunked.rgb))
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	for want, change := range map[string]func(*handler.Request){
		"width is 60; it must be a multiple of 16: 48 or 64 would do":                                                                        func(r *handler.Request) { r.Width = 60 },
		"height is 0; it must be a positive multiple of 16: 16 would do":                                                                     func(r *handler.Request) { r.Height = 0 },
		"width is 9999; at most 4096 is possible":                                                                                            func(r *handler.Request) { r.Width = 9999 },
		"height is 48; two stages halve it first, so it must be a multiple of 32: 32 or 64 would do":                                         func(r *handler.Request) { r.Height = 48; r.Values["two_stage"] = true },
		"num_frames is 10; this model makes a multiple of 4 plus one: 9 or 13 would do":                                                      func(r *handler.Request) { r.NumFrames = 10 },
		"161 frames at 5 a second last 32.20 s, and this model knows 20 s: num_frames of at most 101, or fps of at least 8 would do":         func(r *handler.Request) { r.NumFrames, r.FPS = 161, 5 },
		"1 frame at 60 a second: 0.017 s are too short for a sound: num_frames of at least 5, fps of at most 49, or audio false would do":    func(r *handler.Request) { r.NumFrames, r.FPS = 1, 60 },
		"1 frame at 120 a second: 0.008 s are too short for a sound: num_frames of at least 5, fps of at most 49, or audio false would do":   func(r *handler.Request) { r.NumFrames, r.FPS = 1, 120 },
		"5 frames at 300 a second: 0.017 s are too short for a sound: num_frames of at least 9, fps of at most 249, or audio false would do": func(r *handler.Request) { r.NumFrames, r.FPS = 5, 300 },
		"fps is 0; it must be more than 0: 8 would do":                                                                                       func(r *handler.Request) { r.FPS = 0 },
		"num_inference_steps is 0; at least 1 is needed":                                                                                     func(r *handler.Request) { r.Steps = 0 },
		"output is wav and audio is false: leave one of them out":                                                                            func(r *handler.Request) { r.Output = handler.WAV; r.Values["audio"] = false },
		"num_frames is 1, too few for a last image of its own: 5 would do":                                                                   func(r *handler.Request) { r.NumFrames, r.LastImage = 1, picture(1) },
	} {
		r := small()
		change(&r)
		err := m.Generate(context.Background(), r, (&made{}).output())
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// What is said would do, does.
func TestWhatWouldDoDoes(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	for _, fit := range [][2]float64{{101, 5}, {161, 8}, {5, 60}, {1, 25}} {
		r := small()
		r.NumFrames, r.FPS = int(fit[0]), fit[1]
		if _, err := m.order(r); err != nil {
			t.Errorf("%v: %v", fit, err)
		}
	}
}

func TestACheckpointWithoutSound(t *testing.T) {
	kernelstest.Library(t)
	dir := t.TempDir()
	writeCheckpoint(t, filepath.Join(dir, "ckpt"), "audio_vae", "vocoder", "latent_upsampler")
	if _, err := serve.Build(context.Background(), filepath.Join(dir, "ckpt"), filepath.Join(dir, "bundle"), Recipe, bundle.Options{}); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, filepath.Join(dir, "bundle"))
	if got := generate(t, m, small()); got.frames != 9 || len(got.sound.Samples) != 0 {
		t.Errorf("%d frames, %d samples", got.frames, len(got.sound.Samples))
	}
	for want, change := range map[string]func(*handler.Request){
		"this checkpoint makes no sound (it has no audio_vae and vocoder): leave audio out": func(r *handler.Request) { r.Values["audio"] = true },
		"output is wav, and this checkpoint makes no sound: json or mp4 would do":           func(r *handler.Request) { r.Output = handler.WAV },
		"this checkpoint has no latent_upsampler: leave two_stage out":                      func(r *handler.Request) { r.Values["two_stage"] = true },
	} {
		r := small()
		change(&r)
		if err := m.Generate(context.Background(), r, (&made{}).output()); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for body, want := range map[string]string{ // before a job is made of it
		`{"prompt":"x","audio":true}`:             "audio is true: only false would do: this checkpoint makes no sound",
		`{"prompt":"x","audio":false}`:            "",
		`{"prompt":"x","audio_guidance_scale":2}`: "audio_guidance_scale is not a field of this request: this checkpoint makes no sound",
		`{"prompt":"x","output":"wav"}`:           "output is not a field of this request: this checkpoint makes no sound",
		`{"prompt":"x","two_stage":true}`:         "two_stage is not a field of this request: this checkpoint has no latent_upsampler",
	} {
		if said := checked(t, m, body); (said == "") != (want == "") || !strings.HasPrefix(said, want) {
			t.Errorf("%s: %q", body, said)
		}
	}
	if d := m.Describe(); d.Sound || d.Properties["stg_scale"] == nil || d.Properties["two_stage"] != nil {
		t.Errorf("%+v", d)
	}
	m.c.Transformer.PerturbedAttn = false // as 2.0 is
	if said := checked(t, m, `{"prompt":"x","stg_scale":1}`); !strings.HasPrefix(said, "stg_scale is not a field of this request: this checkpoint was not trained for it") {
		t.Errorf("stg_scale: %q", said)
	}
}

func TestAClipEndsWithItsContext(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	cause := errors.New("cancelled by the user")
	ctx, cancel := context.WithCancelCause(context.Background())
	r, out := small(), (&made{}).output()
	r.Steps = 1000
	out.Progress = func(p handler.Progress) {
		if p.Phase == "denoise" && p.Step == 1 {
			cancel(cause)
		}
	}
	if err := m.Generate(ctx, r, out); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

// A handler's request fills every default in; the bundle's schema is what it is held to.
func TestTheSchemaTakesWhatTheModelTakes(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	var s struct {
		Properties map[string]struct {
			Default any `json:"default"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(m.Schema, &s); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"audio": true, "stg_scale": 1.0, "modality_scale": 3.0, "two_stage": false, "fps": 8.0, "width": 96.0, "num_frames": 9.0} {
		if got, ok := s.Properties[name]; !ok || got.Default != want {
			t.Errorf("%s: %+v, want %v", name, got, want)
		}
	}
}
