package nn

import "github.com/videosdgx/videosdgx/functions/inference/onnx"

// Dense is x·Wᵀ + b for x of two dimensions; the weight keeps the [out, in] layout of the checkpoint.
func (n *Net) Dense(x onnx.Value, name string, in, out int64, bias bool) onnx.Value {
	return n.linear(x, Linear{Component: n.component, Name: name, In: in, Out: out, Bias: bias}, 2)
}

// Linear is Dense over the last of three dimensions.
func (n *Net) Linear(x onnx.Value, name string, in, out int64, bias bool) onnx.Value {
	return n.linear(x, Linear{Component: n.component, Name: name, In: in, Out: out, Bias: bias}, 3)
}

// LinearTimes is Linear without a bias of what has been multiplied by a power of two, which the result keeps.
func (n *Net) LinearTimes(x onnx.Value, name string, in, out int64, times float32) onnx.Value {
	return n.linear(x, Linear{Component: n.component, Name: name, In: in, Out: out, Times: times}, 3)
}

// RoundsInput says whether a layer's checkpoint has its input rounded to FP8, by scales of its own. What only goes into such a layer is
// best computed in float32: each rounding before that one has more values take another code.
func (n *Net) RoundsInput(name string, in, out int64) bool {
	p, err := openPublished(n.src, Linear{Component: n.component, Name: name, In: in, Out: out})
	return err == nil && p != nil && p.smooth != nil // what is wrong is told where it is multiplied
}

// Single is x in float32, whatever the activation type is.
func (n *Net) Single(x onnx.Value) onnx.Value {
	return n.Op("Cast", []onnx.Value{x}, onnx.Int("to", int64(onnx.Float32)))
}

func (n *Net) linear(x onnx.Value, l Linear, rank int) onnx.Value {
	return n.format(l).Product(n, x, l, rank)
}

// format is what the policy wants, unless the checkpoint has quantized the weight already.
func (n *Net) format(l Linear) Format {
	if p, err := openPublished(n.src, l); err != nil {
		n.Fail(err)
		return unusable{}
	} else if p != nil {
		return p
	}
	if n.policy.Linear != nil {
		return n.policy.Linear(l)
	}
	return Plain{}
}

// unusable is a weight that was complained of already: nothing multiplies by it.
type unusable struct{}

func (unusable) String() string { return "unusable" }

func (unusable) Product(_ *Net, x onnx.Value, _ Linear, _ int) onnx.Value { return x }

// Plain holds a weight as float32 and multiplies by the standard operator.
type Plain struct{}

// String is "fp32".
func (Plain) String() string { return "fp32" }

// Product runs as one matrix product over all rows of the batch, which is faster than a batched product and adds the bias in
// the same pass.
func (Plain) Product(n *Net, x onnx.Value, l Linear, rank int) onnx.Value {
	if rank == 3 {
		x = n.Reshape(x, n.Ints(-1, l.In))
	}
	inputs := []onnx.Value{x, n.Param(l.Name+".weight", l.Out, l.In)}
	if l.Bias {
		inputs = append(inputs, n.Param(l.Name+".bias", l.Out))
	}
	y := n.Op("Gemm", inputs, onnx.Int("transB", 1))
	if rank == 3 {
		y = n.Reshape(y, n.shape3(l.Out))
	}
	return y
}

// shape3 is the shape vector [batch, −1, last].
func (n *Net) shape3(last int64) onnx.Value {
	return n.Concat(0, n.batch, n.Ints(-1, last))
}

// Embedding is the row of a table [rows, dim] for each id, in the activation type.
func (n *Net) Embedding(ids onnx.Value, name string, rows, dim int64) onnx.Value {
	t := n.policy.Table
	if t == 0 {
		t = onnx.Float32
	}
	dims := []int64{rows, dim}
	y := n.Gather(n.held(name, t, dims, dims, 1), ids)
	if t == n.activation() {
		return y
	}
	return n.Op("Cast", []onnx.Value{y}, onnx.Int("to", int64(n.activation())))
}
