package onnx

import (
	"fmt"
	"io"
)

// DType is TensorProto.DataType.
type DType int32

// The element types of onnx.proto that this project uses.
const (
	Float32    DType = 1
	Uint8      DType = 2
	Int8       DType = 3
	Uint16     DType = 4
	Int16      DType = 5
	Int32      DType = 6
	Int64      DType = 7
	Bool       DType = 9
	Float16    DType = 10
	Float64    DType = 11
	BFloat16   DType = 16
	Float8E4M3 DType = 17
	Float8E5M2 DType = 19
	Uint4      DType = 21
	Int4       DType = 22
	Float4E2M1 DType = 23
	Float8E8M0 DType = 24
)

var bits = map[DType]int64{
	Float32: 32, Uint8: 8, Int8: 8, Uint16: 16, Int16: 16, Int32: 32, Int64: 64, Bool: 8, Float16: 16, Float64: 64,
	BFloat16: 16, Float8E4M3: 8, Float8E5M2: 8, Uint4: 4, Int4: 4, Float4E2M1: 4, Float8E8M0: 8,
}

// Size is the number of bytes that n elements take in raw form; 4-bit elements lie two in a byte.
func (t DType) Size(n int64) int64 { return (n*bits[t] + 7) / 8 }

// Model is a ModelProto.
type Model struct {
	IRVersion int64
	Producer  string
	Opsets    []Opset
	Graph     Graph
	Metadata  []Entry
}

// Opset is an OperatorSetIdProto; the default domain is the empty string.
type Opset struct {
	Domain  string
	Version int64
}

// Entry is a StringStringEntryProto.
type Entry struct{ Key, Value string }

// Graph is a GraphProto.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []ValueInfo
	Outputs      []ValueInfo
	Values       []ValueInfo
}

// Node is a NodeProto.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string
	Attrs            []Attr
}

// AttrKind is AttributeProto.AttributeType.
type AttrKind int32

// The attribute kinds that occur.
const (
	AttrFloat   AttrKind = 1
	AttrInt     AttrKind = 2
	AttrString  AttrKind = 3
	AttrTensor  AttrKind = 4
	AttrGraph   AttrKind = 5
	AttrFloats  AttrKind = 6
	AttrInts    AttrKind = 7
	AttrStrings AttrKind = 8
)

// Attr is an AttributeProto; Kind says which field holds the value.
type Attr struct {
	Name    string
	Kind    AttrKind
	F       float32
	I       int64
	S       string
	T       *Tensor
	G       *Graph
	Floats  []float32
	Ints    []int64
	Strings []string
}

// Tensor is a TensorProto. Its content is Raw, or lies at External, or is written by Content when the model is: a large
// weight is never held by the graph that names it, nor need it ever be in memory as a whole.
type Tensor struct {
	Name     string
	Type     DType
	Dims     []int64
	Raw      []byte
	External *External
	Content  func(io.Writer) error `json:"-"`
}

// Elements is the product of the dimensions: 1 for a scalar.
func (t *Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// Bytes is the size of the content in raw form.
func (t *Tensor) Bytes() int64 { return t.Type.Size(t.Elements()) }

// External says where in which file beside the model a tensor's content lies; offsets are multiples of PageSize.
type External struct {
	Location       string
	Offset, Length int64
}

// ValueInfo is a ValueInfoProto of a tensor.
type ValueInfo struct {
	Name string
	Type DType
	// Dims is nil and Unranked true when not even the number of dimensions is known.
	Dims     []Dim
	Unranked bool
}

// Dim is one dimension: a size, or the name of a size that each run decides.
type Dim struct {
	Size int64
	Name string
}

// String is the size or the name.
func (d Dim) String() string {
	if d.Name != "" {
		return d.Name
	}
	return fmt.Sprint(d.Size)
}
