// Package nn has the graph blocks that models share: linear layers, norms, attention, rotary tables, causal convolutions.
// A block takes its weights by the names of the published checkpoint, and checks their shapes against what the
// configuration says, so that a checkpoint that does not fit is told before anything runs.
//
// Formulas are written once, for numbers: in which type they are computed and in which format weights are held is a Policy's.
package nn

import (
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Net builds the graph of one component. Its weights are named component/tensor in the bundle.
type Net struct {
	*onnx.Builder
	component string
	src       Source
	policy    Policy
	batch     onnx.Value
	params    []Param
	noted     map[string]bool
	cast      map[onnx.Value]onnx.Value // float32 values by their form in the activation type
}

// Options say what a graph is built from and in which types.
type Options struct {
	// Weights is where weights come from; nil builds the graph without weights: for counting and for inspection.
	Weights Source
	Policy  Policy
}

// New starts the graph of a component.
func New(graph, component string, o Options) *Net {
	return &Net{Builder: onnx.NewBuilder(graph), component: component, src: o.Weights, policy: o.Policy,
		noted: map[string]bool{}, cast: map[onnx.Value]onnx.Value{}}
}

// Component is the component that the graph's weights belong to.
func (n *Net) Component() string { return n.component }

// Params lists the tensors used so far.
func (n *Net) Params() []Param { return n.params }

// SetBatch names the value whose first dimension is the batch; Linear needs it to undo its flattening.
func (n *Net) SetBatch(x onnx.Value) { n.batch = n.DimOf(x, 0) }
