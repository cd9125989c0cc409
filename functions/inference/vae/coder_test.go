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
	value func(engine.Tensor) engine.Value // what a frame comes as; nil: itself
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
	frame := engine.Floats([]float32{float32(c.runs)}, 1, 1, 1, 1, 1)
	if c.value != nil {
		return engine.Values{Video: c.value(frame)}, nil
	}
	return engine.Values{Video: frame}, nil
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

// fetched is a value that is copied into memory that is there.
type fetched struct{ engine.Tensor }

func (f fetched) HostInto(t engine.Tensor) error {
	copy(t.Float32(), f.Float32())
	return nil
}

// Clips may be kept, but for those that are lent, whose memory is that of the clip before the last one.
func TestClipsAreGoodForAsLongAsIsSaid(t *testing.T) {
	for _, lent := range []bool{false, true} {
		var kept []engine.Tensor
		c := &counter{value: func(v engine.Tensor) engine.Value { return fetched{v} }}
		coder := Coder{Config: Config{}.WithDefaults(), Sessions: c, First: "first", Next: "next", Lent: lent}
		if err := coder.Decode(context.Background(), engine.Zeros(1, 16, 5, 1, 1), func(v engine.Tensor) error {
			if n := float32(len(kept) + 1); v.Float32()[0] != n {
				t.Errorf("lent %v: clip %v instead of %v", lent, v.Float32()[0], n)
			}
			kept = append(kept, v)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for i := range kept[2:] {
			if same := &kept[i].Float32()[0] == &kept[i+2].Float32()[0]; same != lent {
				t.Errorf("lent %v: clips %d and %d share memory: %v", lent, i+1, i+3, same)
			}
		}
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
