package magi1

import (
	"context"
	"fmt"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// holding is a session that computes nothing: it counts the bytes of the keys and values that have been left and not been freed.
type holding struct {
	c         ModelConfig
	now, most int64
}

// heldState is one of them.
type heldState struct {
	engine.Tensor
	of    *holding
	bytes int64
}

func (h *heldState) Close() error {
	h.of.now -= h.bytes
	h.bytes = 0
	return nil
}

func (s *holding) Run(_ context.Context, in engine.Values, resident ...string) (engine.Values, error) {
	latent := in[ditLatent].Dims()
	tokens := latent[2] * latent[3] * latent[4] / (s.c.PatchSize * s.c.PatchSize)
	out := engine.Values{ditVelocity: engine.Zeros(latent...)}
	for _, name := range resident {
		h := &heldState{of: s, bytes: 4 * tokens * s.c.keys()}
		out[name], s.now = h, s.now+h.bytes
	}
	s.most = max(s.most, s.now)
	return out, nil
}

func (s *holding) Inputs() []engine.Info {
	return []engine.Info{{Name: keysName(0, "0"), Type: onnx.Float32}}
}
func (s *holding) Outputs() []engine.Info { return nil }
func (s *holding) Close() error           { return nil }

type noCaptions struct{}

func (noCaptions) withText(int) caption { return engine.Zeros(1, 1, 1) }
func (noCaptions) without(int) caption  { return engine.Zeros(1, 1, 1) }

// What --plan and /info say a clip's keys and values take at most is what they take: of both published shapes, of any size, with and without
// guidance, from text, a picture and a clip, in windows and ranges other than the published, and never more however long the clip is.
func TestTheStatedBoundIsWhatIsHeld(t *testing.T) {
	for name, c := range map[string]configs{"4.5B": publishedConfigs(shape45B(), 720, 720), "24B": publishedConfigs(shape24B(), 720, 1280)} {
		for _, o := range []struct {
			width, height, window, cfg int
			ranges                     []int
			clean                      int
			tight                      bool // the bound is reached
		}{
			{c.Runtime.Width, c.Runtime.Height, 4, 3, []int{5, 4, 3, 2}, 1, false}, {64, 32, 4, 3, []int{5, 4, 3, 2}, 1, true}, {256, 96, 4, 3, []int{5, 4, 3, 2}, 1, true},
			{96, 64, 4, 1, []int{5, 4, 3, 2}, 1, false}, {128, 96, 1, 3, []int{3}, 2, false}, {128, 96, 2, 3, []int{2, 1}, 4, false},
			{96, 64, 6, 3, []int{9, 5, 4}, 1, false}, {96, 64, 4, 3, []int{1, 1, 1, 1}, -1, false},
		} {
			c.Runtime.WindowSize, c.Runtime.CFGNumber, c.Runtime.KVRange, c.Runtime.CleanKVRange = o.window, o.cfg, o.ranges, o.clean
			c.Runtime.NumSteps = lcm(o.window, len(o.ranges))
			bound := c.held(bundle.ClipSize{Width: o.width, Height: o.height, Frames: 24})[0].Bytes
			most := int64(0)
			lengths, prefixes := []int{1, 3, 40}, []int{0, 1, 8, 20}
			if o.width > 600 { // a step of such a size takes a while even where nothing is computed
				lengths, prefixes = []int{7}, []int{0}
			}
			for _, chunks := range lengths {
				for _, prefix := range prefixes {
					t.Run(fmt.Sprintf("%s %+v %d+%d", name, o, prefix, chunks), func(t *testing.T) {
						used := walked(t, c, o.width, o.height, chunks*c.Runtime.ChunkWidth, prefix)
						if used > bound {
							t.Errorf("%d bytes are held and %d are stated", used, bound)
						}
						most = max(most, used)
					})
				}
			}
			if o.tight && most != bound {
				t.Errorf("%s %+v: %d bytes are held at most and %d are stated", name, o, most, bound)
			}
		}
	}
}

// walked is how much a clip's keys and values take at most; all of it is freed in the end.
func walked(t *testing.T, c configs, width, height, frames, prefix int) int64 {
	t.Helper()
	s := &holding{c: c.Model}
	patch := int(c.VAE.Coder.PatchSize)
	w := &walker{captions: noCaptions{}, net: &network{c: c.Model, session: s, slots: c.Runtime.Slots(), distilled: c.Runtime.CFGNumber == 1, nearlyCleanAbove: 0.3,
		height: int64(height / patch), width: int64(width / patch), chunkWidth: int64(c.Runtime.ChunkWidth),
		tables: tables{null: make([]float32, 4*c.Model.CaptionSize), bands: make([]float32, c.Model.HeadDim/8)}}}
	if prefix > 0 {
		w.given = make([]float32, w.net.channels()*prefix*w.net.plane())
	}
	var err error
	if w.plan, err = newPlan(c.Config, frames, prefix); err != nil {
		t.Fatal(err)
	}
	each := w.net.channels() * c.Runtime.ChunkWidth * w.net.plane()
	w.noise = func(int) []float32 { return make([]float32, each) }
	if err := w.run(t.Context(), func(int, int) {}, func(int, []float32, int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if s.now != 0 {
		t.Errorf("%d bytes are held when it is over", s.now)
	}
	return s.most
}
