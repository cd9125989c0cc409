package bundle

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// ClipSize is the request that a plan counts memory for.
type ClipSize struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	Frames int `json:"num_frames"`
}

// Or takes from d what c leaves at zero.
func (c ClipSize) Or(d ClipSize) ClipSize {
	return ClipSize{Width: cmp.Or(c.Width, d.Width), Height: cmp.Or(c.Height, d.Height), Frames: cmp.Or(c.Frames, d.Frames)}
}

// Plan is what Build would make, without making it.
type Plan struct {
	Family    string         `json:"family"`
	Name      string         `json:"name"`
	Precision string         `json:"precision"`
	Chosen    string         `json:"precision_chosen,omitempty"` // why it is that one, where it was left to the GPU
	Tensors   []PlannedPart  `json:"tensors"`
	Bytes     int64          `json:"bytes"`                // of weights
	Disk      int64          `json:"disk_bytes,omitempty"` // of the bundle's files in whole pages, where engines were asked for; see DiskBytes
	Rough     bool           `json:"disk_rough,omitempty"` // Disk is about right: an engine's libraries are not installed here
	Float32   int64          `json:"float32_bytes"`
	Stages    []Stage        `json:"stages"`
	Held      []weights.Held `json:"held,omitempty"` // between the runs of a clip, whatever its length
	Clip      ClipSize       `json:"clip"`
	Slices    int            `json:"attention_slices"` // 1: attention is computed as a whole
	Merged    *Merged        `json:"merged,omitempty"` // nil: no LoRAs were asked for
}

// Merged is what LoRAs make of a plan.
type Merged struct {
	LoRAs   []weights.LoRA `json:"loras"`
	Tensors int            `json:"tensors"`      // that change
	Own     int64          `json:"own_bytes"`    // of those in the bundle; all others are its base's
	Memory  int64          `json:"memory_bytes"` // that merging holds of the LoRAs at once, beside pieces of a megabyte
}

// PlannedPart is a tensor of the checkpoint and what it becomes.
type PlannedPart struct {
	Component string  `json:"component"`
	Name      string  `json:"name"`
	Dims      []int64 `json:"dims"`
	From      string  `json:"from,omitempty"` // its type in the checkpoint
	To        string  `json:"to"`             // "float32", or a format
	Bytes     int64   `json:"bytes"`          // in the bundle
}

// Stage is a graph that runs for a clip.
type Stage struct {
	Graph       string `json:"graph"`
	Weights     int64  `json:"weights_bytes"`     // mapped, shared by every instance of the model
	Activations int64  `json:"activations_bytes"` // at their peak, private to a run
	At          string `json:"at"`                // the node of that peak
}

// InTurn says whether a device that gives the model so much memory holds one stage after the other; false: all of them together, or no
// limit is known.
func (p Plan) InTurn(memory int64) bool {
	sum := int64(0)
	for _, s := range p.Stages {
		sum += s.Weights
	}
	return !together(sum, memory)
}

// Peak is the most memory that a stage takes, weights and activations.
func (p Plan) Peak() (most Stage) {
	for _, s := range p.Stages {
		if s.total() > most.total() {
			most = s
		}
	}
	return most
}

// PlanOf says what a bundle of the recipe would hold in a precision, and what a clip would take.
func PlanOf(r Recipe, o Options, c ClipSize) (Plan, error) {
	chosen, err := o.choose(r)
	if err != nil {
		return Plan{}, err
	}
	if o.Name == "" {
		o.Name = r.Name
	}
	p := Plan{Family: r.Family, Name: o.Name, Precision: o.Precision, Chosen: chosen, Clip: c, Slices: max(o.AttentionSlices, 1)}
	if p.Precision == "" {
		p.Precision = None
	}
	policy, err := o.policy(r)
	if err != nil {
		return p, err
	}
	if r.Held != nil {
		p.Held = r.Held(c)
	}
	seen, states := map[string]bool{}, map[string][]int64{}
	for _, g := range r.Graphs {
		net, m, err := plannedGraph(g, policy, r.Weights(g.Component))
		if err != nil {
			return p, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		p.count(g, net, m, r.Weights(g.Component), seen)
		if r.Sizes == nil {
			continue
		}
		stage, _, err := stageOf(g, m, r.Sizes(c)[g.Name], states, footprint.Of)
		if err != nil {
			return p, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		p.Stages = append(p.Stages, stage)
	}
	return p, nil
}

func plannedGraph(g Graph, policy func(string) nn.Policy, src nn.Source) (*nn.Net, *onnx.Model, error) {
	o := nn.Options{Weights: src}
	if policy != nil {
		o.Policy = policy(g.Component)
	}
	net, err := g.Build(o)
	if err != nil {
		return nil, nil, err
	}
	m, err := net.Model()
	return net, m, err
}

// count adds the tensors that no graph before had.
func (p *Plan) count(g Graph, net *nn.Net, m *onnx.Model, src nn.Source, seen map[string]bool) {
	to, bytes := map[string]string{}, map[string]int64{}
	for _, n := range m.Graph.Nodes {
		if format := attrText(n, "format"); n.Op == "QuantLinear" {
			to[weightOf(n.Inputs[1])] = format
		}
	}
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		if t.Content == nil {
			continue
		}
		name := weightOf(t.Name)
		bytes[name] += t.Bytes()
		if t.Type == onnx.BFloat16 {
			to[name] = "bf16"
		}
	}
	for _, q := range net.Params() {
		name := g.Component + "/" + q.Name
		if seen[name] {
			continue
		}
		seen[name] = true
		part := PlannedPart{Component: g.Component, Name: q.Name, Dims: q.Dims, To: "float32", Bytes: bytes[name]}
		if f := to[name]; f != "" {
			part.To = f
		}
		if info, err := src.Info(q.Name); err == nil {
			part.From = string(info.DType)
		}
		p.Tensors = append(p.Tensors, part)
		p.Bytes += part.Bytes
		p.Float32 += 4 * q.Elements()
	}
}

// weightOf is the tensor that a part ("a/b.weight.codes"), or the same in another type ("a/b.weight.bf16"), belongs to.
func weightOf(name string) string {
	for _, suffix := range []string{".fp16.codes", ".codes", ".scales", ".scales2", ".table", ".zero_points", ".bf16", ".fp16"} {
		if rest, ok := strings.CutSuffix(name, suffix); ok {
			return rest
		}
	}
	return name
}

func attrText(n onnx.Node, name string) string {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.S
		}
	}
	return ""
}

// nextState ends the name of an output that is the next run's input.
const nextState = ".next"

// peakOf counts a graph, as package footprint does for a kind of device.
type peakOf func(m *onnx.Model, dims map[string]int64, inputs map[string][]int64) (footprint.Peak, error)

// stageOf is the peak of a graph, and the bytes of its results that are no states, as float32. The shapes of states that one graph
// leaves are those that the next one finds.
func stageOf(g Graph, m *onnx.Model, dims map[string]int64, states map[string][]int64, count peakOf) (s Stage, results int64, err error) {
	s.Graph = g.Name
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Content != nil {
			s.Weights += t.Bytes()
		}
	}
	given := map[string][]int64{}
	for _, in := range m.Graph.Inputs {
		if shape := states[g.Component+"/"+in.Name]; shape != nil {
			given[in.Name] = shape
		}
	}
	peak, err := count(m, dims, given)
	if err != nil {
		return s, 0, err
	}
	for name, shape := range peak.Out {
		if state, ok := strings.CutSuffix(name, nextState); ok {
			states[g.Component+"/"+state] = shape
		} else {
			results += 4 * engine.Elements(shape)
		}
	}
	s.Activations, s.At = peak.Bytes, peak.At
	return s, results, nil
}
