package magi1

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// The kinds of a pass, which are rows of the null caption counted from its end.
const (
	kindNull = 1
	kindText = 2
)

// network runs the transformer's graph for chunks of one size.
type network struct {
	c                ModelConfig
	tables           tables
	session          engine.Session
	slots            int
	distilled        bool
	nearlyCleanAbove float64
	height, width    int64 // of the latent
	chunkWidth       int64 // latent frames of a chunk, which rotary positions are counted in
}

// call is a run for one chunk.
type call struct {
	entry
	latent  []float32 // [channels, frames, height, width]
	caption caption
	kind    int
	pace    float32
}

func (n *network) channels() int { return int(n.c.latentChannels()) }
func (n *network) plane() int    { return int(n.height * n.width) }

// frames are those of [from, to) of a latent of so many frames.
func (n *network) frames(latent []float32, of, from, to int) []float32 {
	out, plane := make([]float32, 0, n.channels()*(to-from)*n.plane()), n.plane()
	for ch := range n.channels() {
		out = append(out, latent[(ch*of+from)*plane:(ch*of+to)*plane]...)
	}
	return out
}

// forward is the velocity of a chunk that sees those of [from, chunk) and itself, and the keys and values that it leaves.
func (n *network) forward(ctx context.Context, c call, seen window) ([]float32, *memory, error) {
	in := n.inputs(c)
	slot := 0
	for j := c.from; j < c.chunk; j++ {
		seen[j].into(in, strconv.Itoa(slot))
		slot++
	}
	for ; slot < n.slots; slot++ {
		n.nothing(in, strconv.Itoa(slot))
	}
	var resident []string
	for l := range n.c.NumLayers {
		resident = append(resident, keysName(l, nextSlot), valuesName(l, nextSlot))
	}
	out, err := n.session.Run(ctx, in, resident...)
	if err != nil {
		return nil, nil, err
	}
	velocity := out.Float32(ditVelocity)
	if err := schedule.Numbers(velocity); err != nil {
		out.Close()
		return nil, nil, err
	}
	return velocity, newMemory(out), nil
}

// alone is the velocity of a chunk that sees itself only, at the clip's begin.
func (n *network) alone(ctx context.Context, c call) ([]float32, error) {
	c.chunk, c.from = 0, 0
	v, m, err := n.forward(ctx, c, nil)
	if err != nil {
		return nil, err
	}
	m.close()
	return v, nil
}

func (n *network) inputs(c call) engine.Values {
	frames := int64(len(c.latent)) / int64(n.channels()*n.plane())
	rows, columns := n.height/n.c.PatchSize, n.width/n.c.PatchSize
	cos, sin := rotary(n.tables.bands, int64(c.chunk)*n.chunkWidth, frames, rows, columns)
	size := int(n.c.CaptionSize)
	at := len(n.tables.null) - c.kind*size
	in := engine.Values{
		ditLatent: engine.Floats(c.latent, 1, n.c.latentChannels(), frames, n.height, n.width),
		ditTime:   sinusoid(c.time), ditCaption: c.caption, ditCos: cos, ditSin: sin,
		ditRow: engine.Floats(n.tables.null[at:at+size], 1, n.c.CaptionSize),
	}
	if n.distilled {
		in[ditPace] = sinusoid(c.pace)
	}
	return in
}

// nothing fills a slot that no chunk takes.
func (n *network) nothing(in engine.Values, slot string) {
	empty := engine.Zeros(1, 0, n.c.keys())
	if t := n.stateType(); t != onnx.Float32 {
		empty, _ = engine.Make(t, 1, 0, n.c.keys()) // a type that a session declares can be made
	}
	for l := range n.c.NumLayers {
		in[keysName(l, slot)], in[valuesName(l, slot)] = empty, empty
	}
}

func (n *network) stateType() onnx.DType {
	i := slices.IndexFunc(n.session.Inputs(), func(f engine.Info) bool { return f.Name == keysName(0, "0") })
	return n.session.Inputs()[i].Type
}

// memory is the keys and values that a chunk has left, on the device.
type memory struct{ values engine.Values }

func newMemory(out engine.Values) *memory {
	m := &memory{values: engine.Values{}}
	for name, v := range out {
		if layer, ok := strings.CutSuffix(name, "."+nextSlot); ok {
			m.values[layer] = v
		}
	}
	return m
}

func (m *memory) into(in engine.Values, slot string) {
	for layer, v := range m.values {
		in[layer+"."+slot] = v
	}
}

func (m *memory) close() { m.values.Close() }

// window are the keys and values of chunks, by their number.
type window map[int]*memory

func (w window) copy() window {
	out := window{}
	for j, m := range w {
		out[j] = m
	}
	return out
}

// closeBelow frees what chunks before one have left.
func (w window) closeBelow(chunk int) {
	for j, m := range w {
		if j < chunk {
			m.close()
			delete(w, j)
		}
	}
}

func (w window) closeFrom(chunk int) {
	for j, m := range w {
		if j >= chunk {
			m.close()
			delete(w, j)
		}
	}
}
