package vae

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// counter is both sessions of a decoder whose frame is the number of the run; begun is called as a run begins.
type counter struct {
	engine.Session
	mu    sync.Mutex
	runs  int
	begun func(run int)
}

func (c *counter) Get(context.Context, string) (engine.Session, error) { return c, nil }

func (c *counter) Outputs() []engine.Info { return []engine.Info{{Name: Video}} }

func (c *counter) Run(_ context.Context, _ engine.Values, resident ...string) (engine.Values, error) {
	if !slices.Contains(resident, Video) {
		return nil, errors.New("the frames do not stay where they are made")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	if c.begun != nil {
		c.begun(c.runs)
	}
	return engine.Values{Video: engine.Floats([]float32{float32(c.runs)}, 1, 1, 1, 1, 1)}, nil
}

func decodeCounted(c *counter, frames int64, emit func(frame int) error) error {
	coder := Coder{Config: Config{}.WithDefaults(), Sessions: c, First: "first", Next: "next"}
	return coder.Decode(context.Background(), engine.Zeros(1, 16, frames, 1, 1), func(v engine.Tensor) error { return emit(int(v.Float32()[0])) })
}

func TestPiecesComeInOrder(t *testing.T) {
	var got []int
	if err := decodeCounted(&counter{}, 5, func(frame int) error { got = append(got, frame); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
		t.Error(got)
	}
}

// The first piece is not taken before the second is worked on.
func TestAPieceIsHandedOverBesideTheNext(t *testing.T) {
	second := make(chan struct{})
	c := &counter{begun: func(run int) {
		if run == 2 {
			close(second)
		}
	}}
	err := decodeCounted(c, 3, func(frame int) error {
		if frame > 1 {
			return nil
		}
		select {
		case <-second:
			return nil
		case <-time.After(30 * time.Second):
			return errors.New("nothing runs beside")
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAPieceThatIsNotTakenEndsIt(t *testing.T) {
	for frames := range int64(4) {
		full, taken := errors.New("full"), 0
		err := decodeCounted(&counter{}, frames+1, func(int) error { taken++; return full })
		if !errors.Is(err, full) || taken != 1 {
			t.Errorf("%d frames: %v, %d taken", frames+1, err, taken)
		}
	}
}
