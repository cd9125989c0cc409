package ltx2

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// listener hears how graphs are opened.
type listener struct {
	engine.Engine
	mu     sync.Mutex
	coarse map[string]bool
}

func (l *listener) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coarse[filepath.Base(path)] = o.Coarse
	return l.Engine.Open(ctx, path, o)
}

// The pictures of a bundle that rounds its weights are multiplied coarsely on a GPU; nothing of one in float32 is, and no sound.
func TestOnlyPicturesOfRoundedBundlesAreCoarse(t *testing.T) {
	ckpt := filepath.Join(t.TempDir(), "checkpoint")
	tinyBundle(t) // its operators
	writeCheckpoint(t, ckpt)
	for precision, want := range map[string][]string{bundle.None: nil, "bf16": {"vae_decoder.cpu.onnx", "vae_encoder.cpu.onnx"}} {
		dir := filepath.Join(t.TempDir(), "bundle")
		if _, err := serve.Build(context.Background(), ckpt, dir, Recipe, bundle.Options{Precision: precision}); err != nil {
			t.Fatal(err)
		}
		m, err := serve.Open(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		l := &listener{Engine: m.Engine, coarse: map[string]bool{}}
		m.Engine = l
		p, err := open(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range p.c.graphs() { // all are open then
			if _, err := p.sessions.Get(context.Background(), g.Name); err != nil {
				t.Fatal(err)
			}
		}
		p.Close()
		maps.DeleteFunc(l.coarse, func(_ string, coarse bool) bool { return !coarse })
		if got := slices.Sorted(maps.Keys(l.coarse)); !slices.Equal(got, want) {
			t.Errorf("%s: coarse are %v, want %v", precision, got, want)
		}
	}
}
