package ltx2

import (
	"image"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// A clip that keeps pictures is counted with the inputs that its transformer gets: a time for each token, and the last picture's tokens.
func TestAPictureThatIsKeptIsCounted(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	picture := image.NewRGBA(image.Rect(0, 0, 8, 8))
	clip := bundle.ClipSize{Width: 128, Height: 64, Frames: 17}
	time, space := m.c.VAE.TemporalScale(), m.c.VAE.SpatialScale()
	s := size{frames: 16/time + 1, height: 64 / space, width: 128 / space}
	for _, cross := range []bool{true, false} {
		for _, r := range []handler.Request{{}, {Image: picture}, {LastImage: picture}, {Image: picture, LastImage: picture}} {
			o := order{r: r, guidance: guidance{cross: cross}}
			d := denoiser{c: m.c.Transformer, guidance: o.guidance}
			tokens := s.points()
			if r.Image != nil || r.LastImage != nil {
				d.keep(nil, s)
			}
			if r.LastImage != nil {
				d.append(nil, m.c.Transformer.keyframePositions(9, s.height, s.width, 24))
				tokens += s.height * s.width
			}
			in := engine.Values{}
			d.times(in, 1)
			counted := m.c.holding(m.c.sizes(m.defaults), o)(clip)[graphTransformer]
			for name, got := range map[string]int64{"video": tokens, "video_times": shape(t, in, ditVideoTime), "video_cross_times": shape(t, in, ditVideoCross)} {
				if counted[name] != got {
					t.Errorf("cross %v, first %v, last %v: %s is %d, counted %d", cross, r.Image != nil, r.LastImage != nil, name, got, counted[name])
				}
			}
		}
	}
}

func shape(t *testing.T, in engine.Values, name string) int64 {
	t.Helper()
	v, err := in.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return v.Shape[1]
}
