package footprint

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Arena is memory of a device as ONNX Runtime's sessions take it: in regions, each as large as what was asked for when nothing
// free would do, which stay when they are free. Requests take the smallest free piece that holds them and leave the rest of it
// where that is worth it; neighbours within a region that are free become one again. The zero value is empty.
type Arena struct {
	// First is the size of the first region, when it is more than the first request.
	First   int64
	regions []*region
	taken   int64
	peak    int64
}

type region struct {
	bytes  int64
	pieces []*piece // in the order in which they lie
}

type piece struct {
	in    *region
	bytes int64
	used  bool
}

const (
	arenaStep = 256       // what sizes are rounded to
	pageStep  = 2 << 20   // what a device gives
	wasted    = 128 << 20 // the most that a request may leave unused at the end of its piece
)

// Bytes is what the arena has of the device now; Peak is the most that it has had.
func (a *Arena) Bytes() int64 { return a.taken }

// Peak is the most that the arena has had of the device.
func (a *Arena) Peak() int64 { return a.peak }

// take is memory for so many bytes.
func (a *Arena) take(bytes int64) *piece {
	if bytes <= 0 {
		return nil
	}
	bytes = (bytes + arenaStep - 1) / arenaStep * arenaStep
	best := a.smallest(bytes)
	if best == nil {
		best = a.extend(bytes)
	}
	best.used = true
	if rest := best.bytes - bytes; rest >= bytes || rest >= wasted {
		best.bytes = bytes
		at := slices.Index(best.in.pieces, best)
		best.in.pieces = slices.Insert(best.in.pieces, at+1, &piece{in: best.in, bytes: rest})
	}
	return best
}

func (a *Arena) smallest(bytes int64) (best *piece) {
	for _, r := range a.regions {
		for _, p := range r.pieces {
			if !p.used && p.bytes >= bytes && (best == nil || p.bytes < best.bytes) {
				best = p
			}
		}
	}
	return best
}

func (a *Arena) extend(bytes int64) *piece {
	if len(a.regions) == 0 {
		bytes = max(bytes, a.First)
	}
	r := &region{bytes: (bytes + pageStep - 1) / pageStep * pageStep}
	r.pieces = []*piece{{in: r, bytes: bytes}}
	a.regions = append(a.regions, r)
	a.taken += r.bytes
	a.peak = max(a.peak, a.taken)
	return r.pieces[0]
}

// give takes a piece back, and joins it with its free neighbours.
func (a *Arena) give(p *piece) {
	if p == nil {
		return
	}
	p.used = false
	joined := p.in.pieces[:0:0]
	for _, q := range p.in.pieces {
		if last := len(joined) - 1; last >= 0 && !q.used && !joined[last].used {
			joined[last].bytes += q.bytes
			continue
		}
		joined = append(joined, q)
	}
	p.in.pieces = joined
}

// Shrink gives the regions back in which nothing is used, as a run does at its end that is asked to.
func (a *Arena) Shrink() {
	a.regions = slices.DeleteFunc(a.regions, func(r *region) bool {
		unused := !slices.ContainsFunc(r.pieces, func(p *piece) bool { return p.used })
		if unused {
			a.taken -= r.bytes
		}
		return unused
	})
}

// Held are the results of a run that stay where they were made, by name, with what they lie in.
type Held map[string]*heldValue

type heldValue struct {
	dims  []int64
	piece *piece
	arena *Arena
}

// Free gives back what the values lie in.
func (h Held) Free() {
	for _, v := range h {
		v.arena.give(v.piece)
	}
}

// Run takes memory of the arena as a run of the graph does: inputs that are named in states lie where they lie; results that are
// named in keep stay, everything else is given back. over are results that are written to the memory of a state, by result.
func (a *Arena) Run(m *onnx.Model, dims map[string]int64, states Held, keep func(output string) bool, over map[string]string) (Held, error) {
	w := newWalk(m)
	w.arena, w.over, w.lies = a, over, map[string]*piece{}
	for _, in := range m.Graph.Inputs {
		if s := states[in.Name]; s != nil {
			v := &value{dtype: in.Type, dims: s.dims, buf: &buffer{piece: s.piece, lent: true}}
			w.values[in.Name], w.lies[in.Name] = v, s.piece
			continue
		}
		if err := w.input(in, dims, nil); err != nil {
			return nil, err
		}
	}
	if err := w.nodes(m); err != nil {
		return nil, err
	}
	held := Held{}
	for _, out := range m.Graph.Outputs {
		v := w.values[out.Name]
		if keep(out.Name) {
			from := a
			if in := over[out.Name]; in != "" && states[in] != nil {
				from = states[in].arena
			}
			held[out.Name] = &heldValue{dims: v.dims, piece: v.buf.piece, arena: from}
		} else {
			w.release(v)
		}
	}
	return held, nil
}
