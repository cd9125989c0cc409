package magi1

import (
	"image"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/serve/roomtest"
)

func TestWhatARefusalOffersFits(t *testing.T) {
	roomtest.Offers(t, roomtest.Offering{
		Bundle: tinyBundle, Open: Open,
		Draw: func(random *rand.Rand) handler.Request {
			r := handler.Request{Prompt: "a red circle", Width: 16 * (2 + random.IntN(126)), Height: 16 * (2 + random.IntN(126)), NumFrames: 24 * (1 + random.IntN(10)), Steps: 16, Guidance: 7.5}
			if random.IntN(3) == 0 {
				r.Image = image.NewGray(image.Rect(0, 0, 8, 8))
			}
			return r
		},
		Check: func(m handler.Model, memory int64, r handler.Request) error {
			p := m.(Model).Pipeline
			p.memory = memory
			if err := p.Check(r); err != nil {
				return err
			}
			return p.checkMemory(r)
		},
	})
}
