package waver

import (
	"context"
	"image"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestWhatARefusalOffersFits(t *testing.T) {
	roomtest.Offers(t, roomtest.Offering{
		Bundle: func(t testing.TB) string { dir, _ := randomBundle(t); return dir }, Open: Open,
		Draw: func(random *rand.Rand) handler.Request {
			r := handler.Request{Prompt: "a red circle", Width: 16 * (1 + random.IntN(120)), Height: 16 * (1 + random.IntN(120)), NumFrames: 1 + 4*random.IntN(40), FPS: 16, Steps: 3}
			if random.IntN(3) == 0 {
				r.Image = image.NewGray(image.Rect(0, 0, 8, 8))
			}
			return r
		},
		Check: func(m handler.Model, memory int64, r handler.Request) error {
			p := m.(*Pipeline)
			p.memory = memory
			return p.checkMemory(r)
		},
	})
}

// randomBundle is built from a checkpoint of noise.
func randomBundle(t testing.TB) (dir string, man weights.Manifest) {
	t.Helper()
	kernelstest.Library(t)
	r, err := recipe(t, checkpoint(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Randomise(); err != nil {
		t.Fatal(err)
	}
	cpu, err := serve.CPU()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "bundle")
	if man, err = bundle.Build(context.Background(), r, dir, bundle.Options{Targets: []bundle.Target{cpu}}); err != nil {
		t.Fatal(err)
	}
	return dir, man
}
