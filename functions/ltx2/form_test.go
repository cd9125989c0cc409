package ltx2

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// writeCheckpoint writes one with random weights; without names components to leave out.
func writeCheckpoint(t testing.TB, dir string, without ...string) {
	t.Helper()
	all := tinyForm()
	for _, name := range without {
		delete(all, name)
	}
	writeForm(t, dir, all)
}

func writeForm(t testing.TB, dir string, all map[string]any) {
	t.Helper()
	by, err := writeConfigs(dir, all, 16)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := os.ReadFile("../inference/text/testdata/gemma.json")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "tokenizer", "tokenizer.json"), tokenizer)
	if err := writeWeights(dir, by); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t testing.TB, path string, raw []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

var tiny struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	compiletest.BearsFP16 = func(graph string) bool { return slices.Contains(bearsFP16, graph) }
	code := m.Run()
	os.RemoveAll(tiny.dir)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// tinyBundle builds the form once for all tests.
func tinyBundle(t testing.TB) string {
	t.Helper()
	kernelstest.Library(t)
	tiny.Do(func() {
		if tiny.dir, tiny.err = os.MkdirTemp("", "ltx2-test-"); tiny.err != nil {
			return
		}
		ckpt := filepath.Join(tiny.dir, "checkpoint")
		writeCheckpoint(t, ckpt)
		_, tiny.err = serve.Build(context.Background(), ckpt, filepath.Join(tiny.dir, "bundle"), Recipe, bundle.Options{Precision: bundle.None})
	})
	if tiny.err != nil {
		t.Fatal(tiny.err)
	}
	return filepath.Join(tiny.dir, "bundle")
}

func openModel(t testing.TB, dir string) Model {
	t.Helper()
	m, err := serve.Open(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m.Options = engine.Options{}
	opened, err := Open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	model := opened.(Model)
	t.Cleanup(func() { model.Close() })
	return model
}

// made is what a clip was.
type made struct {
	frames  int
	rgb     []byte
	latents []float32
	sound   media.Sound
	phases  []string
}

func (m *made) output() handler.Output {
	return handler.Output{
		Progress: func(p handler.Progress) { m.phases = append(m.phases, p.Phase) },
		Frame:    func(rgb []byte) error { m.frames++; m.rgb = append(m.rgb, rgb...); return nil },
		Latents:  func(v []float32) { m.latents = append([]float32(nil), v...) },
		Sound:    func(s media.Sound) error { m.sound = s; return nil },
	}
}

// small is a request that takes a moment.
func small() handler.Request {
	return handler.Request{Prompt: "a red circle moving right with a high beep", Width: 64, Height: 32, NumFrames: 9, FPS: 8, Steps: 2, Guidance: 3, Seed: 5, Values: map[string]any{}}
}

func generate(t testing.TB, m Model, r handler.Request) made {
	t.Helper()
	var out made
	if err := m.Generate(context.Background(), r, out.output()); err != nil {
		t.Fatal(err)
	}
	return out
}
