package golden

import (
	"encoding/binary"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Weights sees the tensors under a prefix ("w.", "w.vae.") by their names in the checkpoint.
type Weights struct {
	c      *Case
	prefix string
}

// Weights is the source of weights that the graph builders take.
func (c *Case) Weights(prefix string) Weights { return Weights{c, prefix} }

// Info describes a tensor.
func (w Weights) Info(name string) (weights.Info, error) { return w.c.Info(w.prefix + name) }

// ReadFloat32 reads a part of a tensor.
func (w Weights) ReadFloat32(name string, at int64, dst []float32) error {
	return w.c.ReadFloat32(w.prefix+name, at, dst)
}

// Ints reads a tensor of int64 by its full name ("in.input_ids") and returns its values and shape.
func (c *Case) Ints(name string) ([]int64, []int64) {
	c.t.Helper()
	info, err := c.Info(name)
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := c.Raw(name)
	if err != nil || info.DType != "I64" {
		c.t.Fatalf("%s is %s: %v", name, info.DType, err)
	}
	values := make([]int64, len(raw)/8)
	for i := range values {
		values[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return values, info.Shape
}

// Raw reads a tensor as it lies.
func (w Weights) Raw(name string) ([]byte, error) { return w.c.File.Raw(w.prefix + name) }

// Names lists the tensors under the prefix.
func (w Weights) Names() []string { return w.c.List(w.prefix) }
