package bundle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// card is a device that notes which sessions lie on it.
type card struct {
	mu    sync.Mutex
	there []string
	most  map[string]bool // stages that were there at once, joined
	fails string
}

type onCard struct {
	engine.Session
	*card
	name string
	run  func()
}

func (c *card) open(run func()) func(context.Context, string) (engine.Session, error) {
	return func(_ context.Context, name string) (engine.Session, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if name == c.fails {
			return nil, errors.New("no memory")
		}
		c.there = append(c.there, name)
		stages := map[string]bool{}
		for _, n := range c.there {
			stages[stageOfGraph(n)] = true
		}
		if len(stages) > 1 {
			c.most[strings.Join(c.there, " ")] = true
		}
		return &onCard{card: c, name: name, run: run}, nil
	}
}

func (s *onCard) Inputs() []engine.Info  { return []engine.Info{{Name: "x of " + s.name}} }
func (s *onCard) Outputs() []engine.Info { return nil }
func (s *onCard) Run(context.Context, engine.Values, ...string) (engine.Values, error) {
	s.run()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.there, s.name) {
		return nil, errors.New("it ran when it was not there")
	}
	return nil, nil
}
func (s *onCard) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there = slices.DeleteFunc(s.there, func(n string) bool { return n == s.name })
	return nil
}

var clipGraphs = []string{"text_encoder", "transformer", "vae_decoder_first", "vae_decoder_next"}

func TestStagesTakeTurns(t *testing.T) {
	c := &card{most: map[string]bool{}}
	s := OpenInTurn(clipGraphs, c.open(func() {}))
	ctx := context.Background()
	for range 2 {
		for _, name := range clipGraphs {
			g, err := s.Get(ctx, name)
			if err != nil || g.Inputs()[0].Name != "x of "+name {
				t.Fatalf("%s: %v", name, err)
			}
			for range 3 {
				if _, err := g.Run(ctx, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !slices.Equal(c.there, clipGraphs[2:]) {
			t.Errorf("%v are there: the decoder's two were expected", c.there)
		}
	}
	if len(c.most) > 0 {
		t.Errorf("stages were there together: %v", c.most)
	}
	if err := s.Close(); err != nil || len(c.there) != 0 {
		t.Errorf("%v are there after Close, %v", c.there, err)
	}
	if _, err := s.Get(ctx, "transformer"); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("after Close: %v", err)
	}
}

// A stage waits for the runs of the one that is there, or for whoever asked to leave.
func TestAStageWaitsForRunsOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, hold := &card{most: map[string]bool{}}, make(chan struct{})
		s := OpenInTurn(clipGraphs, c.open(func() { <-hold }))
		dit, err := s.Get(t.Context(), "transformer")
		if err != nil {
			t.Fatal(err)
		}
		var work sync.WaitGroup
		work.Go(func() {
			if _, err := dit.Run(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		gone, leave := context.WithCancel(t.Context())
		work.Go(func() {
			if _, err := s.Get(gone, "vae_decoder_first"); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
		work.Go(func() {
			if _, err := s.Get(t.Context(), "text_encoder"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		if !slices.Equal(c.there, []string{"transformer"}) {
			t.Errorf("%v are there while the transformer runs", c.there)
		}
		close(hold)
		work.Wait()
		if !slices.Equal(c.there, []string{"text_encoder"}) || len(c.most) > 0 {
			t.Errorf("%v are there; at once: %v", c.there, c.most)
		}
		c.fails = "transformer"
		if _, err := dit.Run(t.Context(), nil); err == nil || len(c.there) != 0 {
			t.Errorf("a stage that does not load: %v, %v", err, c.there)
		}
	})
}

func TestStagesLieTogetherWhereMemoryAllows(t *testing.T) {
	for _, c := range []struct {
		weights, memory int64
		want            bool
	}{{100, 0, true}, {75, 100, true}, {76, 100, false}} {
		if got := together(c.weights, c.memory); got != c.want {
			t.Errorf("%d of %d: %v", c.weights, c.memory, got)
		}
	}
	p := Plan{Stages: []Stage{{Weights: 40}, {Weights: 36}}}
	if p.InTurn(0) || p.InTurn(200) || !p.InTurn(100) {
		t.Errorf("of 76: %v, %v, %v", p.InTurn(0), p.InTurn(200), p.InTurn(100))
	}
}
