package ltx2

import (
	"image"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestWhatARefusalOffersFits(t *testing.T) {
	roomtest.Offers(t, roomtest.Offering{
		Bundle: demoBundle, Open: Open,
		Draw: func(random *rand.Rand) handler.Request {
			r := small()
			r.Width, r.Height, r.NumFrames = 64*(1+random.IntN(20)), 64*(1+random.IntN(20)), 17+8*random.IntN(20)
			r.FPS = []float64{24, 25, 50, 120}[random.IntN(4)]
			r.Values = map[string]any{"audio": random.IntN(2) == 0}
			if random.IntN(3) == 0 {
				r.Image = image.NewGray(image.Rect(0, 0, 8, 8))
			}
			if random.IntN(3) == 0 {
				r.LastImage = image.NewGray(image.Rect(0, 0, 8, 8))
			}
			return r
		},
		Check: func(m handler.Model, memory int64, r handler.Request) error {
			p := *m.(Model).Pipeline
			p.memory = memory
			o, err := p.order(r)
			if err == nil {
				err = p.checkMemory(o)
			}
			return err
		},
	})
}
