package wan

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestWhatARefusalOffersFits(t *testing.T) {
	roomtest.Offers(t, roomtest.Offering{
		Bundle: demoBundle,
		Open:   func(ctx context.Context, m *bundle.Model) (handler.Model, error) { return Open(ctx, m, "wan21") },
		Draw: func(random *rand.Rand) handler.Request {
			window := 5 + 4*random.IntN(40)
			r := small()
			r.Width, r.Height, r.NumFrames = 16*(1+random.IntN(80)), 16*(1+random.IntN(80)), 1+4*random.IntN(60)
			r.Values = map[string]any{windowField: float64(window)}
			if random.IntN(3) == 0 && r.NumFrames <= window {
				r.Video = &media.Clip{}
			}
			return r
		},
		Check: func(m handler.Model, memory int64, r handler.Request) error {
			p := *m.(Model).Pipeline
			p.memory = memory
			if err := p.Check(r); err != nil {
				return err
			}
			return p.checkMemory(r)
		},
	})
}
