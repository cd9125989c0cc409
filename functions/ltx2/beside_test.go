package ltx2

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// scripted decodes to zeros, and tells which run it is.
type scripted struct {
	scale, side int64
	runs        int
	began       func(run int)
}

func (s *scripted) Run(_ context.Context, _ string, in engine.Values, _ ...string) (engine.Values, error) {
	s.runs++
	s.began(s.runs)
	z := in[vaeLatents].Dims()
	return engine.Values{vaeVideo: engine.Zeros(1, 3, (z[2]-1)*s.scale+1, z[3]*s.side, z[4]*s.side)}, nil
}

func chunked(s *scripted) decoder {
	c := VideoVAEConfig{Down: []string{"spatiotemporal", "spatiotemporal"}, Scaling: []bool{true, true}, Patch: 4, PatchTime: 1}
	s.scale, s.side = c.TemporalScale(), c.SpatialScale()
	return decoder{c: c, graphs: s, tiling: tiling{frames: 8, strideFrame: 4}}
}

// TestChunksAreHandedOverBesideTheNext: whoever takes the first frames, an encoder, may be as slow as it likes: the next chunk begins.
func TestChunksAreHandedOverBesideTheNext(t *testing.T) {
	second := make(chan struct{})
	d := chunked(&scripted{began: func(run int) {
		if run == 2 {
			close(second)
		}
	}})
	frames := int64(0)
	err := d.decode(t.Context(), engine.Zeros(1, 2, 6, 1, 2), func(clip engine.Tensor) error {
		frames += clip.Shape[2]
		select {
		case <-second:
			return nil
		case <-time.After(time.Minute):
			return errors.New("the next chunk waits for the encoder")
		}
	})
	if err != nil || frames != 21 {
		t.Errorf("%d frames of 21: %v", frames, err)
	}
}

// An encoder that fails ends the decoding, and is told.
func TestAnEncoderThatFailsEndsTheDecoding(t *testing.T) {
	s := &scripted{began: func(int) {}}
	broken := errors.New("no space left")
	if err := chunked(s).decode(t.Context(), engine.Zeros(1, 2, 40, 1, 2), func(engine.Tensor) error { return broken }); !errors.Is(err, broken) || s.runs > 2 {
		t.Errorf("after %d chunks: %v", s.runs, err)
	}
}
