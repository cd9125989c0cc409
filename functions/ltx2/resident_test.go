package ltx2

import (
	"context"
	"slices"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/text/gemma"
)

// watched notes what graphs are given and what they leave where it is.
type watched struct {
	graphs
	given map[string][]engine.Values // by graph
	left  []engine.Value
}

func (w *watched) Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error) {
	out, err := w.graphs.Run(ctx, graph, in, resident...)
	w.given[graph] = append(w.given[graph], in)
	for _, name := range resident {
		w.left = append(w.left, out[name])
	}
	return out, err
}

// TestWhatStepsReadStaysOnTheDevice: hidden states go to the connectors as the text encoder leaves them, and what those make to every
// step, beside tables that are placed once; all of it is freed with the clip.
func TestWhatStepsReadStaysOnTheDevice(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	w := &watched{graphs: m.graphs, given: map[string][]engine.Values{}}
	var placed []engine.Value
	m.graphs, m.place = w, func(ctx context.Context, t engine.Tensor) (engine.Value, error) {
		v, err := m.engine.Place(ctx, t, engine.Device{})
		placed = append(placed, v)
		return v, err
	}
	generate(t, m, small())
	for _, c := range []struct{ graph, input string }{{graphConnectors, conStates}, {graphTransformer, ditVideoText}, {graphTransformer, ditAudioText}} {
		for _, in := range w.given[c.graph] {
			if !slices.Contains(w.left, in[c.input]) {
				t.Errorf("%s of %s came by the host", c.input, c.graph)
			}
		}
	}
	steps := w.given[graphTransformer]
	for _, table := range []string{"video_cos", "video_sin", "audio_cross_cos"} {
		for _, in := range steps {
			if !slices.Contains(placed, in[table]) || in[table] != steps[0][table] {
				t.Errorf("%s was not placed once for all %d runs", table, len(steps))
			}
		}
	}
	if n := len(w.given[graphConnectors]); n != 2 || len(w.left) != 3*n+len(w.given[graphDecode]) || len(steps) < 2 {
		t.Errorf("%d texts, %d values left by them, %d runs of the transformer", n, len(w.left), len(steps))
	}
	for _, v := range append(w.left, placed...) {
		if _, err := v.Host(); !errdefs.IsFailedPrecondition(err) {
			t.Errorf("a value of shape %v is there after its clip: %v", v.Dims(), err)
		}
	}
}

// A vector of a prompt, and states that are padded, are made of the same values.
func TestStatesAreFetchedWhereTheyAreWanted(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	p := prompts{c: m.c, graphs: m.graphs, tokenizer: m.tokenizer, length: m.defaults.MaxSequence}
	states, n, err := p.read(t.Context(), "a red ball")
	if err != nil {
		t.Fatal(err)
	}
	defer states.Close()
	padded, counts, err := paddedBefore(states, []float32{1, 1}, int64(n)+2)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := states.Host()
	rows := padded.(engine.Tensor).Float32()
	each := len(own.Float32()) / n
	if !slices.Equal(rows[2*each:], own.Float32()) || slices.Max(rows[:2*each]) != 0 || len(counts) != 4 {
		t.Errorf("%d values of %s, padded to %d", len(own.Float32()), gemma.Hidden, len(rows))
	}
}

// Tables that many processors fill are those that one fills.
func TestTablesInParts(t *testing.T) {
	p := positions{axes: 3}
	for i := range 6144 * 3 {
		p.values = append(p.values, float32(i%97)/97)
	}
	freqs := []float32{1, 1.5, 2, 40}
	var once, parts [2][]float32
	for _, to := range []*[2][]float32{&once, &parts} {
		to[0], to[1] = make([]float32, 6144*16), make([]float32, 6144*16)
	}
	p.turn(once[0], once[1], 16, freqs, 0, 6144)
	for from := 0; from < 6144; from += 1000 {
		p.turn(parts[0], parts[1], 16, freqs, from, min(from+1000, 6144))
	}
	if !slices.Equal(once[0], parts[0]) || !slices.Equal(once[1], parts[1]) || once[0][4] == 0 {
		t.Error("they differ")
	}
	var seen [6144]int
	inParts(6144, 1<<12, func(from, to int) {
		for i := from; i < to; i++ {
			seen[i]++
		}
	})
	if slices.Min(seen[:]) != 1 || slices.Max(seen[:]) != 1 {
		t.Error("a row was done never or twice")
	}
}
