package magi1

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// goldenCall is a forward pass of the file's.
type goldenCall struct {
	RangeNum   int     `json:"range_num"`
	Denoising  int     `json:"denoising_range_num"`
	SlicePoint int     `json:"slice_point"`
	Extra      bool    `json:"fwd_extra_1st_chunk"`
	Prefix     bool    `json:"extract_prefix_video_feature"`
	NumSteps   int     `json:"num_steps"`
	ChunkWidth int     `json:"chunk_width"`
	Interval   float64 `json:"distill_interval"`
	NoCaption  bool    `json:"caption_dropout"`
	Update     *bool   `json:"update_kv_cache"`
	Near       *bool   `json:"distill_nearly_clean_chunk"`
}

type transformerFile struct {
	Config
	Calls map[string]goldenCall `json:"calls"`
}

// bench runs the calls of a file.
type bench struct {
	t      *testing.T
	g      *golden.Case
	c      transformerFile
	nets   map[bool]*network
	caches map[string]window // by the calls' group: "cache", "cfg"
}

// openTransformer opens the transformer for as many earlier chunks as asked.
func openTransformer(t *testing.T, g *golden.Case, prefix string, c Config, slots int) *network {
	t.Helper()
	net, err := Transformer(c.Model, c.Engine.Distill, slots, nn.Options{Weights: g.Weights(prefix)})
	n := &network{c: c.Model, slots: slots, distilled: c.Engine.Distill, nearlyCleanAbove: c.Engine.NearlyCleanAbove, session: compiletest.Open(t, net, err), chunkWidth: int64(c.Runtime.ChunkWidth)}
	n.tables.null, _ = g.Tensor(prefix + "y_embedder.null_caption_embedding")
	n.tables.bands, _ = g.Tensor(prefix + "rope.bands")
	return n
}

func newBench(t *testing.T, name string) *bench {
	b := &bench{t: t, g: golden.Open(t, name), nets: map[bool]*network{}, caches: map[string]window{}}
	b.g.Config(&b.c)
	b.c.Config = b.c.WithDefaults()
	return b
}

// net is the network of base or distilled calls, with slots for all of them.
func (b *bench) net(distilled bool) *network {
	if b.nets[distilled] == nil {
		most := 0
		for _, c := range b.c.Calls {
			most = max(most, c.RangeNum)
		}
		c := b.c.Config
		c.Engine.Distill = distilled
		b.nets[distilled] = openTransformer(b.t, b.g, "w.", c, most)
	}
	return b.nets[distilled]
}

// chunksOf are the calls of a pass's chunks, for their velocities and what they leave. batch is what the file has as a batch of
// chunks that see themselves alone.
func (b *bench) chunksOf(name string, call goldenCall, rows int, kind int) []sized {
	x, shape := b.g.Tensor("in." + name + ".x")
	at, _ := b.g.Tensor("in." + name + ".timestep")
	y, yshape := b.g.Tensor("in." + name + ".y")
	mask, _ := b.g.Ints("in." + name + ".y_mask")
	ranges := int32s(b.t, b.g, "in."+name+".kv_range")
	batch, n := int(shape[0]), call.Denoising*int(shape[0])
	width := int(shape[2]) / call.Denoising
	tokens := width * int(shape[3]*shape[4]/(b.c.Model.PatchSize*b.c.Model.PatchSize))
	size := int(yshape[3])
	var out []sized
	for i := range n {
		c := sized{height: shape[3], width: shape[4]}
		c.chunk, c.from, c.time = call.SlicePoint+i, ranges[2*i]/tokens, at[i]
		if batch > 1 {
			c.chunk, c.from = 0, 0
		}
		v := x
		if batch > 1 {
			v = x[i*len(x)/batch:][:len(x)/batch]
			c.latent = v
		} else {
			net := network{c: b.c.Model, height: shape[3], width: shape[4]}
			c.latent = net.frames(v, int(shape[2]), i*width, (i+1)*width)
		}
		at := rows*n + i
		c.caption = counted(y[at*int(yshape[2])*size:][:int(yshape[2])*size], mask[at*int(yshape[2]):][:yshape[2]], size)
		c.kind, c.pace = kind, pace(call.NumSteps, call.Interval)
		out = append(out, c)
	}
	return out
}

// sized is a call with the size of its latent.
type sized struct {
	call
	height, width int64
}

// counted are the tokens of a caption that its mask leaves.
func counted(y []float32, mask []int64, size int) engine.Tensor {
	var rows []float32
	for i, m := range mask {
		if m != 0 {
			rows = append(rows, y[i*size:(i+1)*size]...)
		}
	}
	return engine.Floats(rows, 1, int64(len(rows)/size), int64(size))
}

func (b *bench) run(n *network, c sized, seen window) ([]float32, *memory) {
	b.t.Helper()
	n.height, n.width = c.height, c.width
	v, m, err := n.forward(context.Background(), c.call, seen)
	if err != nil {
		b.t.Fatal(err)
	}
	return v, m
}

// joined puts chunks' latents next to each other in time.
func joined(b *bench, chunks []sized, v map[int][]float32) []float32 {
	first := chunks[0]
	plane := int(first.height * first.width)
	channels := int(b.c.Model.latentChannels())
	width := len(first.latent) / channels / plane
	out := make([]float32, len(first.latent)*len(chunks))
	for i := range chunks {
		put(out, v[i], channels, width*len(chunks), plane, i*width, width)
	}
	return out
}

func TestGoldenTransformer(t *testing.T) {
	b := newBench(t, "magi_transformer")
	var names []string
	for name := range b.c.Calls {
		names = append(names, name)
	}
	b.net(false) // for all calls, and so not of the first one's test
	b.net(true)
	slices.Sort(names) // calls on one cache follow each other by name
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			b.t = t
			call := b.c.Calls[name]
			group, _, _ := strings.Cut(name, ".")
			if b.caches[group] == nil {
				b.caches[group] = window{}
			}
			switch group {
			case "cfg":
				b.guided(name, call)
			case "nearly_clean":
				b.tempered(name, call)
			default:
				b.plain(name, call)
			}
		})
	}
}

func (b *bench) plain(name string, call goldenCall) {
	distilled := strings.HasPrefix(name, "distill")
	group, _, _ := strings.Cut(name, ".")
	kind := kindText
	if call.NoCaption {
		kind = kindNull
	}
	chunks := b.chunksOf(name, call, 0, kind)
	seen, v := b.caches[group].copy(), map[int][]float32{}
	for i, c := range chunks {
		out, m := b.run(b.net(distilled), c, seen)
		v[i], seen[c.chunk] = out, m
	}
	want, shape := b.g.Tensor("out." + name + ".velocity")
	if shape[0] > 1 { // a batch of chunks
		var all []float32
		for i := range chunks {
			all = append(all, v[i]...)
		}
		golden.Near(b.t, "velocity", all, want, 1e-4)
		return
	}
	golden.Near(b.t, "velocity", joined(b, chunks, v), want, 1e-4)
	b.checkCache(name, seen)
	if call.Update != nil && *call.Update {
		b.caches[group] = seen
	}
}

// checkCache compares what chunks have left with the file's cache, from the first chunk on.
func (b *bench) checkCache(name string, seen window) {
	b.t.Helper()
	for l := range b.c.Model.NumLayers {
		tensor := fmt.Sprintf("out.%s.kv.%d", name, l)
		if !slices.Contains(b.g.Names(), tensor) {
			return
		}
		want, _ := b.g.Tensor(tensor)
		var got []float32
		for j := 0; seen[j] != nil; j++ {
			got = append(got, interleaved(b.t, seen[j], l, int(b.c.Model.NumGroups), int(b.c.Model.HeadDim))...)
		}
		golden.Near(b.t, "cache of layer "+strconv.Itoa(int(l)), got[:min(len(want), len(got))], want, 1e-4)
	}
}

// interleaved is a chunk's memory as the file has it: for each token and head keys, then values.
func interleaved(t *testing.T, m *memory, layer int64, heads, dim int) (out []float32) {
	t.Helper()
	part := func(kind string) []float32 {
		h, err := m.values[fmt.Sprintf("%s.%d", kind, layer)].Host()
		if err != nil {
			t.Fatal(err)
		}
		switch h.Type() { // what stays on a GPU has the type of activations
		case onnx.BFloat16:
			return weights.Decode(weights.BF16, h.Bytes())
		case onnx.Float16:
			return weights.Decode(weights.F16, h.Bytes())
		}
		return h.Float32()
	}
	k, v := part("k"), part("v")
	for at := 0; at < len(k); at += dim {
		out = append(append(out, k[at:at+dim]...), v[at:at+dim]...)
	}
	return out
}

// guided is the whole of three passes.
func (b *bench) guided(name string, call goldenCall) {
	net, cache := b.net(false), b.caches["cfg"]
	pass := func(rows, kind int) (map[int][]float32, window, []sized) {
		chunks := b.chunksOf(name, call, rows, kind)
		seen, v := cache.copy(), map[int][]float32{}
		for i, c := range chunks {
			v[i], seen[c.chunk] = b.run(net, c, seen)
		}
		return v, seen, chunks
	}
	text, _, chunks := pass(0, kindText)
	prev, seen, nulls := pass(1, kindNull)
	want, _ := b.g.Tensor("out." + name + ".text")
	golden.Near(b.t, "text", joined(b, chunks, text), want, 1e-4)
	want, _ = b.g.Tensor("out." + name + ".prev")
	golden.Near(b.t, "prev", joined(b, chunks, prev), want, 1e-4)
	b.checkCache(name, seen)
	b.caches["cfg"] = seen
	skip := map[bool]int{true: 1}[call.Extra]
	alone := map[int][]float32{}
	for i, c := range nulls[skip:] {
		net.height, net.width = c.height, c.width
		v, err := net.alone(context.Background(), c.call)
		if err != nil {
			b.t.Fatal(err)
		}
		alone[i] = v
	}
	want, _ = b.g.Tensor("out." + name + ".uncond")
	golden.Near(b.t, "alone", joined(b, nulls[skip:], alone), want, 1e-4)
	final := map[int][]float32{}
	for i, c := range nulls {
		if i < skip {
			final[i] = c.latent // the file has what went in for the clean chunk
			continue
		}
		final[i] = alone[i-skip]
		b.c.Runtime.guide(text[i], prev[i], final[i], c.time)
	}
	want, _ = b.g.Tensor("out." + name + ".velocity")
	golden.Near(b.t, "velocity", joined(b, nulls, final), want, 1e-4)
}

// tempered is a distilled model's pass with its oldest chunk nearly clean.
func (b *bench) tempered(name string, call goldenCall) {
	net := b.net(true)
	chunks := b.chunksOf(name, call, 0, kindText)
	seen, v := b.caches["nearly_clean"].copy(), map[int][]float32{}
	for i, c := range chunks {
		v[i], seen[c.chunk] = b.run(net, c, seen)
	}
	b.checkCache(name, seen)
	b.caches["nearly_clean"] = seen
	oldest := map[bool]int{true: 1}[call.Extra]
	if call.Near != nil && *call.Near {
		c := chunks[oldest]
		net.height, net.width = c.height, c.width
		alone, err := net.alone(context.Background(), c.call)
		if err != nil {
			b.t.Fatal(err)
		}
		temper(v[oldest], alone, nearlyCleanShare)
	}
	want, _ := b.g.Tensor("out." + name + ".velocity")
	golden.Near(b.t, "velocity", joined(b, chunks, v), want, 1e-4)
}
