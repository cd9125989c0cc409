package onnx

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encode is the model in wire format. Tensors with Load must have been given to a DataFile before.
func (m *Model) Encode() ([]byte, error) {
	var b []byte
	b = putInt(b, 1, m.IRVersion)
	b = putString(b, 2, m.Producer)
	graph, err := m.Graph.encode()
	if err != nil {
		return nil, err
	}
	b = putBytes(b, 7, graph)
	for _, o := range m.Opsets {
		b = putBytes(b, 8, putInt(putString(nil, 1, o.Domain), 2, o.Version))
	}
	for _, e := range m.Metadata {
		b = putBytes(b, 14, putString(putString(nil, 1, e.Key), 2, e.Value))
	}
	return b, nil
}

func (g *Graph) encode() (b []byte, err error) {
	for i := range g.Nodes {
		n, err := g.Nodes[i].encode()
		if err != nil {
			return nil, err
		}
		b = putBytes(b, 1, n)
	}
	b = putString(b, 2, g.Name)
	for i := range g.Initializers {
		t, err := g.Initializers[i].encode()
		if err != nil {
			return nil, err
		}
		b = putBytes(b, 5, t)
	}
	b = putInfos(b, 11, g.Inputs)
	b = putInfos(b, 12, g.Outputs)
	return putInfos(b, 13, g.Values), nil
}

func (n *Node) encode() (b []byte, err error) {
	for _, s := range n.Inputs {
		b = protowire.AppendString(protowire.AppendTag(b, 1, protowire.BytesType), s) // "" is an absent optional input
	}
	for _, s := range n.Outputs {
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), s)
	}
	b = putString(b, 3, n.Name)
	b = putString(b, 4, n.Op)
	for i := range n.Attrs {
		a, err := n.Attrs[i].encode()
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.Name, err)
		}
		b = putBytes(b, 5, a)
	}
	return putString(b, 7, n.Domain), nil
}

func (a *Attr) encode() ([]byte, error) {
	b := putString(nil, 1, a.Name)
	switch a.Kind {
	case AttrFloat:
		b = putFloat(b, 2, a.F)
	case AttrInt:
		b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), uint64(a.I))
	case AttrString:
		b = putBytes(b, 4, []byte(a.S))
	case AttrTensor:
		t, err := a.T.encode()
		if err != nil {
			return nil, err
		}
		b = putBytes(b, 5, t)
	case AttrGraph:
		g, err := a.G.encode()
		if err != nil {
			return nil, err
		}
		b = putBytes(b, 6, g)
	case AttrFloats:
		b = putBytes(b, 7, packFloats(a.Floats))
	case AttrInts:
		b = putBytes(b, 8, packInts(a.Ints))
	case AttrStrings:
		for _, s := range a.Strings {
			b = putBytes(b, 9, []byte(s))
		}
	default:
		return nil, fmt.Errorf("attribute %s has kind %d, which this writer does not know", a.Name, a.Kind)
	}
	return putInt(b, 20, int64(a.Kind)), nil
}

func (t *Tensor) encode() ([]byte, error) {
	var b []byte
	if len(t.Dims) > 0 {
		b = putBytes(b, 1, packInts(t.Dims))
	}
	b = putInt(b, 2, int64(t.Type))
	b = putString(b, 8, t.Name)
	switch {
	case t.External != nil:
		for _, e := range []Entry{
			{"location", t.External.Location},
			{"offset", strconv.FormatInt(t.External.Offset, 10)},
			{"length", strconv.FormatInt(t.External.Length, 10)},
		} {
			b = putBytes(b, 13, putString(putString(nil, 1, e.Key), 2, e.Value))
		}
		return putInt(b, 14, 1), nil
	case t.Content != nil:
		return nil, fmt.Errorf("tensor %s has not been written to a data file", t.Name)
	case int64(len(t.Raw)) != t.Bytes():
		return nil, fmt.Errorf("tensor %s holds %d bytes, its shape %v needs %d", t.Name, len(t.Raw), t.Dims, t.Bytes())
	}
	return protowire.AppendBytes(protowire.AppendTag(b, 9, protowire.BytesType), t.Raw), nil
}

// encode nests TypeProto.Tensor in TypeProto in ValueInfoProto.
func (v *ValueInfo) encode() []byte {
	t := putInt(nil, 1, int64(v.Type))
	if !v.Unranked {
		var shape []byte
		for _, d := range v.Dims {
			var dim []byte
			if d.Name != "" {
				dim = putString(nil, 2, d.Name)
			} else {
				dim = protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(d.Size))
			}
			shape = putBytes(shape, 1, dim)
		}
		t = putBytes(t, 2, shape)
	}
	return putBytes(putString(nil, 1, v.Name), 2, putBytes(nil, 1, t))
}

func putInfos(b []byte, field protowire.Number, infos []ValueInfo) []byte {
	for i := range infos {
		b = putBytes(b, field, infos[i].encode())
	}
	return b
}
