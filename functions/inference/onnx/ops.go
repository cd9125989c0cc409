package onnx

// Add is the elementwise sum; it, Sub, Mul and Div broadcast as numpy does.
func (b *Builder) Add(x, y Value) Value { return b.Op("Add", []Value{x, y}) }

// Sub is x − y.
func (b *Builder) Sub(x, y Value) Value { return b.Op("Sub", []Value{x, y}) }

// Mul is the elementwise product.
func (b *Builder) Mul(x, y Value) Value { return b.Op("Mul", []Value{x, y}) }

// Div is x / y.
func (b *Builder) Div(x, y Value) Value { return b.Op("Div", []Value{x, y}) }

// MatMul multiplies the last two dimensions.
func (b *Builder) MatMul(x, y Value) Value { return b.Op("MatMul", []Value{x, y}) }

// Reshape gives x the dimensions in shape, a vector of int64: 0 keeps one, −1 takes the rest.
func (b *Builder) Reshape(x, shape Value) Value { return b.Op("Reshape", []Value{x, shape}) }

// Transpose permutes dimensions.
func (b *Builder) Transpose(x Value, perm ...int64) Value {
	return b.Op("Transpose", []Value{x}, Ints("perm", perm...))
}

// Concat joins along axis.
func (b *Builder) Concat(axis int64, xs ...Value) Value {
	return b.Op("Concat", xs, Int("axis", axis))
}

// Slice takes [from, to) along axis; negative positions count from the end.
func (b *Builder) Slice(x Value, axis, from, to int64) Value {
	return b.Op("Slice", []Value{x, b.Ints(from), b.Ints(to), b.Ints(axis)})
}

// Split cuts x into n equal parts along axis.
func (b *Builder) Split(x Value, axis int64, n int) []Value {
	return b.Node("", "Split", []Value{x}, n, Int("axis", axis), Int("num_outputs", n))
}

// Unsqueeze inserts dimensions of one.
func (b *Builder) Unsqueeze(x Value, axes ...int64) Value {
	return b.Op("Unsqueeze", []Value{x, b.Ints(axes...)})
}

// Gather picks rows of x along axis 0.
func (b *Builder) Gather(x, rows Value) Value { return b.Op("Gather", []Value{x, rows}) }

// Softmax is over the last dimension.
func (b *Builder) Softmax(x Value) Value { return b.Op("Softmax", []Value{x}, Int("axis", -1)) }

// Sigmoid is 1/(1+exp(−x)).
func (b *Builder) Sigmoid(x Value) Value { return b.Op("Sigmoid", []Value{x}) }

// SiLU is x·sigmoid(x); ONNX Runtime's optimiser makes one node of the two.
func (b *Builder) SiLU(x Value) Value { return b.Mul(x, b.Sigmoid(x)) }

// Gelu is exact (erf), or the tanh approximation.
func (b *Builder) Gelu(x Value, tanh bool) Value {
	if tanh {
		return b.Op("Gelu", []Value{x}, Str("approximate", "tanh"))
	}
	return b.Op("Gelu", []Value{x})
}

// DimOf is the size of one dimension of x as a vector of length one, for putting shapes together.
func (b *Builder) DimOf(x Value, axis int64) Value {
	return b.Op("Shape", []Value{x}, Int("start", axis), Int("end", axis+1))
}
