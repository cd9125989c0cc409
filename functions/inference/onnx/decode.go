package onnx

import (
	"fmt"
	"os"

	"github.com/containerd/errdefs"
)

// maxDepth bounds graphs inside attributes inside graphs, so that a hostile file cannot exhaust the stack.
const maxDepth = 8

// ReadFile reads a model from its file; weights that lie in files of their own are not read. Errors name the file.
func ReadFile(path string) (*Model, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	m, err := Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("graph %s: %w", path, err)
	}
	return m, nil
}

// Decode reads a model. What it returns shares memory with b. External data is named, not opened.
func Decode(b []byte) (*Model, error) {
	m := &Model{}
	err := fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			m.IRVersion = f.int()
		case 2:
			m.Producer = f.string()
		case 7:
			err = m.Graph.decode(f.bytes, 0)
		case 8:
			var o Opset
			err = o.decode(f.bytes)
			m.Opsets = append(m.Opsets, o)
		case 14:
			var e Entry
			err = e.decode(f.bytes)
			m.Metadata = append(m.Metadata, e)
		case 20, 25:
			err = fmt.Errorf("training information and functions are not supported")
		}
		return err
	})
	if err == nil && (m.IRVersion == 0 || len(m.Opsets) == 0) {
		err = fmt.Errorf("no IR version or no operator set")
	}
	if err != nil {
		return nil, fmt.Errorf("not a readable ONNX model: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return m, nil
}

func (o *Opset) decode(b []byte) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			o.Domain = f.string()
		case 2:
			o.Version = f.int()
		}
		return nil
	})
}

func (e *Entry) decode(b []byte) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			e.Key = f.string()
		case 2:
			e.Value = f.string()
		}
		return nil
	})
}

func (g *Graph) decode(b []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("graphs nested deeper than %d", maxDepth)
	}
	return fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			var n Node
			err = n.decode(f.bytes, depth)
			g.Nodes = append(g.Nodes, n)
		case 2:
			g.Name = f.string()
		case 5:
			var t Tensor
			err = t.decode(f.bytes)
			g.Initializers = append(g.Initializers, t)
		case 11:
			g.Inputs, err = appendInfo(g.Inputs, f.bytes)
		case 12:
			g.Outputs, err = appendInfo(g.Outputs, f.bytes)
		case 13:
			g.Values, err = appendInfo(g.Values, f.bytes)
		case 15:
			err = fmt.Errorf("sparse initializers are not supported")
		}
		return err
	})
}

func (n *Node) decode(b []byte, depth int) error {
	return fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			n.Inputs = append(n.Inputs, f.string())
		case 2:
			n.Outputs = append(n.Outputs, f.string())
		case 3:
			n.Name = f.string()
		case 4:
			n.Op = f.string()
		case 5:
			var a Attr
			err = a.decode(f.bytes, depth)
			n.Attrs = append(n.Attrs, a)
		case 7:
			n.Domain = f.string()
		}
		return err
	})
}

func (a *Attr) decode(b []byte, depth int) error {
	err := fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			a.Name = f.string()
		case 2:
			a.F = f.float()
		case 3:
			a.I = f.int()
		case 4:
			a.S = f.string()
		case 5:
			a.T = &Tensor{}
			err = a.T.decode(f.bytes)
		case 6:
			a.G = &Graph{}
			err = a.G.decode(f.bytes, depth+1)
		case 7:
			a.Floats, err = f.floats(a.Floats)
		case 8:
			a.Ints, err = f.ints(a.Ints)
		case 9:
			a.Strings = append(a.Strings, f.string())
		case 20:
			a.Kind = AttrKind(f.int())
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.check()
}

func (a *Attr) check() error {
	known := a.Kind >= AttrFloat && a.Kind <= AttrStrings
	if !known || (a.Kind == AttrTensor && a.T == nil) || (a.Kind == AttrGraph && a.G == nil) {
		return fmt.Errorf("attribute %q of kind %d cannot be read", a.Name, a.Kind)
	}
	return nil
}
