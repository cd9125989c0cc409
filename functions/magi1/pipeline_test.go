package magi1

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

const demoTokenizer = "../../images/demo/wan21-tiny/tokenizer"

var tiny struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	compiletest.BearsFP16 = func(graph string) bool { return graph == graphTransformer }
	code := m.Run()
	os.RemoveAll(tiny.dir)
	os.Exit(code)
}

// tinyCheckpoint and tinyBundle are made once for all tests.
func tinyCheckpoint(t testing.TB) string {
	t.Helper()
	kernelstest.Library(t)
	tiny.Do(func() {
		if tiny.dir, tiny.err = os.MkdirTemp("", "magi1-test-"); tiny.err != nil {
			return
		}
		if tiny.err = WriteTiny(filepath.Join(tiny.dir, "checkpoint"), demoTokenizer, 512); tiny.err == nil {
			_, tiny.err = serve.Build(context.Background(), filepath.Join(tiny.dir, "checkpoint"), filepath.Join(tiny.dir, "bundle"), Recipe, bundle.Options{})
		}
	})
	if tiny.err != nil {
		t.Fatal(tiny.err)
	}
	return filepath.Join(tiny.dir, "checkpoint")
}

func tinyBundle(t testing.TB) string { return filepath.Join(filepath.Dir(tinyCheckpoint(t)), "bundle") }

func openTiny(t testing.TB) *Pipeline {
	t.Helper()
	m, err := serve.Open(context.Background(), tinyBundle(t), weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func request(frames int) handler.Request {
	return handler.Request{Prompt: "a red circle", Width: 64, Height: 32, NumFrames: frames, Steps: 4, Seed: 3, FPS: 24, Guidance: 7.5}
}

// clipOf is what a pipeline makes of a request, and after which steps its frames came.
func clipOf(t *testing.T, p *Pipeline, r handler.Request) (frames [][]byte, steps []int) {
	t.Helper()
	step := 0
	err := p.Generate(context.Background(), r, handler.Output{
		Progress: func(g handler.Progress) { step = g.Step },
		Frame: func(rgb []byte) error {
			frames, steps = append(frames, bytes.Clone(rgb)), append(steps, step)
			return nil
		},
		Cut:     func() error { return nil },
		Latents: func([]float32) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return frames, steps
}

// From a prompt to frames: every chunk leaves when it is finished, the first long before the last is begun.
func TestChunksLeaveAtOnce(t *testing.T) {
	p := openTiny(t)
	const chunks = 5
	frames, steps := clipOf(t, p, request(chunks*24))
	if len(frames) != chunks*24 || len(frames[0]) != 3*64*32 {
		t.Fatalf("%d frames of %d bytes", len(frames), len(frames[0]))
	}
	// Steps have 1, 2, 3, 4 chunks in flight, and then the one before as well, which is clean: 5, 4, 3, 2. A chunk comes within its last,
	// of which the others have taken nothing yet.
	for chunk, want := range []int{1 + 2 + 3, 10, 15, 19, 22} {
		if got := steps[chunk*24]; got != want {
			t.Errorf("chunk %d came after %d forwards, want %d of 24", chunk, got, want)
		}
	}
	again, _ := clipOf(t, p, request(chunks*24))
	other := request(chunks * 24)
	other.Prompt = "a blue square"
	different, _ := clipOf(t, p, other)
	for i := range frames {
		if !bytes.Equal(frames[i], again[i]) {
			t.Fatalf("frame %d differs from run to run", i)
		}
	}
	if bytes.Equal(bytes.Join(frames, nil), bytes.Join(different, nil)) {
		t.Error("another prompt gives the same clip")
	}
}

func TestAClipGoesOnFromAPicture(t *testing.T) {
	p := openTiny(t)
	r := request(48)
	plain, _ := clipOf(t, p, r)
	img := image.NewRGBA(image.Rect(0, 0, 30, 50))
	for y := range 50 {
		for x := range 30 {
			img.Set(x, y, color.RGBA{uint8(8 * x), uint8(5 * y), 90, 255})
		}
	}
	r.Image = img
	frames, _ := clipOf(t, p, r)
	if len(frames) != 48 || bytes.Equal(frames[0], plain[0]) {
		t.Errorf("%d frames; as without a picture: %v", len(frames), bytes.Equal(frames[0], plain[0]))
	}
}

func TestWhatDoesNotFitIsSaidInOneSentence(t *testing.T) {
	p := openTiny(t)
	for name, c := range map[string]struct {
		change func(*handler.Request)
		want   string
	}{
		"length": {func(r *handler.Request) { r.NumFrames = 30 }, "num_frames is 30; this model makes whole chunks of 24 frames: 24 or 48 would do"},
		"width":  {func(r *handler.Request) { r.Width = 72 }, "width is 72; it must be a multiple of 16, from 32 on: 64 or 80 would do"},
		"height": {func(r *handler.Request) { r.Height = 16 }, "height is 16; it must be a multiple of 16, from 32 on: 32 or 48 would do"},
		"steps":  {func(r *handler.Request) { r.Steps = 6 }, "num_inference_steps is 6; it must be a multiple of 4: 4 or 8 would do"},
		"prompt": {func(r *handler.Request) { r.Prompt = "猫在跑 #12" }, "prompt has nothing that this model reads"},
		"none":   {func(r *handler.Request) { r.Steps = 0 }, "num_inference_steps is 0; it must be a positive multiple of 4: 4 would do"},
	} {
		r := request(24)
		c.change(&r)
		err := p.Check(r)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheBundleSaysWhatIsHeld(t *testing.T) {
	m, err := weights.ReadManifest(tinyBundle(t))
	if err != nil {
		t.Fatal(err)
	}
	// 8 × 12 of 2 × 2 patches, 6 frames: 144 tokens of 2 groups of 16, keys and values, 2 layers, float32; 4 chunks and 6
	if want := int64(4 * 144 * 32 * 2 * 2 * 10); m.Family != Family || len(m.Held) != 1 || m.Held[0].Bytes != want {
		t.Errorf("%s holds %+v, want %d bytes", m.Family, m.Held, want)
	}
	short, err := serve.Plan(tinyCheckpoint(t), Recipe, bundle.Options{}, bundle.ClipSize{Frames: 24})
	if err != nil {
		t.Fatal(err)
	}
	long, err := serve.Plan(tinyCheckpoint(t), Recipe, bundle.Options{}, bundle.ClipSize{Frames: 2400})
	if err != nil {
		t.Fatal(err)
	}
	if short.Peak() != long.Peak() || short.Held[0] != long.Held[0] || long.Precision != "nf4" || long.Peak().Activations == 0 {
		t.Errorf("a second takes %+v, %+v, a hundred %+v, %+v", short.Peak(), short.Held, long.Peak(), long.Held)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, m.Schema); err != nil || !strings.Contains(compact.String(), `"multipleOf":24`) || strings.Contains(compact.String(), "negative_prompt") {
		t.Errorf("the schema is %s", m.Schema)
	}
}

// Every graph can be rewritten for a GPU, on a machine without one.
func TestTheBundleBuildsForAGPU(t *testing.T) {
	targets, err := serve.Targets([]string{"cpu", "cuda"})
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range []string{"nf4", "fp8", "nvfp4", "bf16"} {
		dir := filepath.Join(t.TempDir(), precision)
		m, err := serve.Build(context.Background(), tinyCheckpoint(t), dir, Recipe, bundle.Options{Precision: precision, Targets: targets})
		if err != nil {
			t.Fatalf("%s: %v", precision, err)
		}
		graphs := 0
		for _, f := range m.Files {
			if strings.HasSuffix(f.Path, ".cuda.onnx") {
				graphs++
			}
		}
		if graphs != 5 || m.Precision != precision {
			t.Errorf("%s: %d graphs for CUDA", m.Precision, graphs)
		}
	}
}

func TestPicklesAreRefusedWithTheWayToConvert(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.CopyFS(dir, os.DirFS(tinyCheckpoint(t))); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text_encoder")
	if err := os.Rename(filepath.Join(text, "model.safetensors"), filepath.Join(text, "pytorch_model-00001-of-00002.bin")); err != nil {
		t.Fatal(err)
	}
	_, err := serve.Build(context.Background(), dir, filepath.Join(t.TempDir(), "b"), Recipe, bundle.Options{})
	if err == nil || !strings.Contains(err.Error(), "a pickle, which is a program") || !strings.Contains(err.Error(), "save_pretrained") {
		t.Errorf("got %v", err)
	}
}
