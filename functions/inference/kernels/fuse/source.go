package fuse

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// source is what a convolution looks at, without the nodes that put it together.
type source struct {
	value, history string
	before         int64 // frames in front of value, from history or zeros
	next           string
	carried        int64 // frames that next keeps
	doubled        bool
	edge           bool     // the first and the last frame stand for those before and after
	after          int64    // frames behind value, with edge
	mirror         bool     // pictures go on beyond their sides as in a mirror
	sides          [4]int64 // points beyond the top, the left, the bottom, the right, with mirror
}

// attrs are those of an operator that takes the nodes over.
func (s source) attrs() (all []onnx.Attr) {
	for _, a := range []struct {
		name string
		is   bool
	}{{"double", s.doubled}, {"edge", s.edge}, {"mirror", s.mirror}} {
		if a.is {
			all = append(all, onnx.Int(a.name, 1))
		}
	}
	if s.after > 0 {
		all = append(all, onnx.Int("after", s.after))
	}
	return all
}

// around are the pads of a convolution with those of its source.
func (s source) around(pads []int64) []int64 {
	if !s.mirror {
		return pads
	}
	return []int64{pads[0], s.sides[0], s.sides[1], pads[3], s.sides[2], s.sides[3]}
}

func (l *layout) source(value string) source {
	if join := l.maker(value, "Concat"); join != nil && integer(join, "axis") == 2 && len(join.Inputs) == 2 && l.isState(join.Inputs[0]) {
		s := source{value: join.Inputs[1], history: join.Inputs[0], before: l.frames(join.Inputs[0])}
		return l.looksBack(s, value)
	}
	if pad := l.maker(value, "Pad"); pad != nil && len(pad.Inputs) == 2 {
		if mode := text(pad, "mode"); mode == "edge" || mode == "reflect" {
			return l.beyond(value)
		}
		if n := l.front(pad.Inputs[1]); n > 0 {
			return l.looksBack(source{value: pad.Inputs[0], before: n}, value)
		}
	}
	if up := l.maker(value, "Unsqueeze"); up != nil {
		if twice := l.doubled(up.Inputs[0]); twice != nil {
			if down := l.maker(twice.Inputs[0], "Squeeze"); down != nil {
				return source{value: down.Inputs[0], doubled: true}
			}
		}
	}
	return source{value: value}
}

// beyond is a source whose frames, or pictures, go on beyond their ends: pictures are mirrored after frames are repeated.
func (l *layout) beyond(value string) source {
	s := source{value: value}
	if l.host { // whose operator does not know it
		return s
	}
	if pads, from := l.pads(s.value, "reflect"); pads != nil && pads[2]+pads[7] == 0 {
		s.value, s.mirror, s.sides = from, true, [4]int64{pads[3], pads[4], pads[8], pads[9]}
	}
	if pads, from := l.pads(s.value, "edge"); pads != nil && pads[3]+pads[4]+pads[8]+pads[9] == 0 {
		s.value, s.edge, s.before, s.after = from, true, pads[2], pads[7]
	}
	return s
}

// pads are those of a Pad of a mode, and what it pads: a clip's frames and pictures, none of them cut; nil for anything else.
func (l *layout) pads(value, mode string) (pads []int64, from string) {
	pad := l.maker(value, "Pad")
	if pad == nil || text(pad, "mode") != mode || len(pad.Inputs) != 2 {
		return nil, ""
	}
	v := l.ints(pad.Inputs[1])
	if len(v) != 10 || slices.Min(v) < 0 || v[0]+v[1]+v[5]+v[6] > 0 {
		return nil, ""
	}
	return v, pad.Inputs[0]
}

// doubled is the node that doubles a picture.
func (l *layout) doubled(value string) *onnx.Node {
	if n := l.maker(value, "Resize"); n != nil && text(n, "mode") == "nearest" && input(n, 2) == "scales.double" {
		return n
	}
	return l.maker(value, double)
}

// arranged is a convolution's weight as the operator of the device takes it.
func (l *layout) arranged(weight string) string {
	if l.host {
		return l.grouped(weight)
	}
	return l.innermost(weight)
}

// looksBack finds who keeps the last frames of what is joined, and takes that over.
func (l *layout) looksBack(s source, joined string) source {
	for _, i := range l.used[joined] {
		n := &l.nodes[i]
		if n.Op != "Slice" || s.next != "" {
			continue
		}
		if frames := l.ending(n); frames > 0 {
			s.next, s.carried = n.Outputs[0], frames
		}
	}
	return s
}

// frames is how many frames a state holds; 0 where the graph leaves it open.
func (l *layout) frames(state string) int64 {
	for _, in := range l.m.Graph.Inputs {
		if in.Name == state && len(in.Dims) == 5 {
			return in.Dims[1].Size // states are moved already
		}
	}
	return 0
}

// front is how many frames a Pad puts in front, when it puts nothing anywhere else.
func (l *layout) front(pads string) int64 {
	v := l.ints(pads)
	if len(v) != 10 || v[2] <= 0 {
		return 0
	}
	n := v[2]
	v[2] = 0
	if slices.ContainsFunc(v, func(x int64) bool { return x != 0 }) {
		return 0
	}
	return n
}

// ending is how many of the last frames a Slice takes; 0 when it takes something else.
func (l *layout) ending(n *onnx.Node) int64 {
	from, axis := l.ints(input(n, 1)), l.ints(input(n, 3))
	if len(from) != 1 || len(axis) != 1 || axis[0] != 2 || from[0] >= 0 || input(n, 4) != "" {
		return 0
	}
	if to := l.ints(input(n, 2)); len(to) != 1 || to[0] < 1<<31 {
		return 0
	}
	return -from[0]
}
