package magi1

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// The plain pipeline is held to the file of the reference, and so may stand for it where no file is.
func TestThePlainPipelineIsTheReference(t *testing.T) {
	g := golden.Open(t, "magi_pipeline")
	var c pipelineFile
	g.Config(&c)
	of := func(prefix string) plainWeights {
		return newPlainWeights(func(name string) []float32 {
			if _, err := g.Info(prefix + name); err != nil {
				return nil
			}
			v, _ := g.Tensor(prefix + name)
			return v
		})
	}
	c.Model, c.VAEConfig = c.Model.WithDefaults(), c.VAEConfig.WithDefaults()
	net, vae := of("w.transformer."), of("w.vae.")
	prompt, shape := g.Tensor("in.caption_embs")
	mask, _ := g.Ints("in.mask")
	halved := specialOf(t, g)
	special := plainSpecial{wide(halved.caption), wide(halved.logo), inRows(halved.other, int(shape[3]))}
	for name, call := range c.Calls {
		cfg := call.Config
		cfg.Model = c.Model
		cfg = cfg.WithDefaults()
		raw, noise := g.Tensor("in." + name + ".noise")
		p := &plainClip{c: cfg, net: plain{c: c.Model, w: net}, vae: newPlainVAE(c.Coder, vae), height: int(noise[3]), width: int(noise[4]), frames: cfg.Runtime.NumFrames / 4,
			prompt: counting(inRows(prompt, int(shape[3])), mask), special: special, env: call.Env}
		if slices.Contains(g.Names(), "in."+name+".prefix_pixels") {
			info, _ := g.Info("in." + name + ".prefix_pixels")
			pixels, err := g.Raw("in." + name + ".prefix_pixels")
			if err != nil {
				t.Fatal(err)
			}
			p.given(pixels, info.Shape)
			want, _ := g.Tensor("out." + name + ".prefix_latents")
			golden.Near(t, name+": what is given", narrow(p.prefix.v), want, 1e-5)
		}
		made := p.clip(volume{int(noise[1]), int(noise[2]), int(noise[3]), int(noise[4]), wide(raw)})
		for what, got := range map[string][]float64{"latents_per_step": made.steps, "latents": made.latents.v, "frames": made.framesFirst()} {
			want, _ := g.Tensor("out." + name + "." + what)
			golden.Near(t, name+": "+what, narrow(got), want, 1e-4)
		}
		if !slices.Equal(made.returned, call.Returned) {
			t.Errorf("%s: chunks of %v latent frames, want %v", name, made.returned, call.Returned)
		}
	}
}

func inRows(v []float32, n int) (out rows) {
	for at := 0; at < len(v); at += n {
		out = append(out, wide(v[at:at+n]))
	}
	return out
}

func counting(all rows, mask []int64) (out rows) {
	for i, m := range mask {
		if m != 0 {
			out = append(out, all[i])
		}
	}
	return out
}

// given encodes pixels [frames, rows, columns, 3].
func (p *plainClip) given(raw []byte, shape []int64) {
	x := newVolume(3, int(shape[0]), int(shape[1]), int(shape[2]))
	for i, b := range raw {
		at := i / 3
		x.v[i%3*len(raw)/3+at] = float64(b)/127.5 - 1
	}
	z := p.vae.encode(x, p.c.Runtime.FPS/2).times(float64(p.c.Runtime.ScaleFactor))
	p.prefix = &z
}

// madeClip is what the plain pipeline has made.
type madeClip struct {
	steps    []float64
	latents  volume
	frames   volume
	returned []int
}

func (p *plainClip) clip(noise volume) (m madeClip) {
	var latents, frames []volume
	p.emit = func(z volume) {
		latents, m.returned = append(latents, z), append(m.returned, z.t)
		frames = append(frames, p.vae.decode(z.times(1/float64(p.c.Runtime.ScaleFactor)), p.c.Runtime.FPS/2/4))
	}
	p.run(noise)
	for _, x := range p.after {
		m.steps = append(m.steps, x.v...)
	}
	m.latents, m.frames = behind(latents...), behind(frames...)
	return m
}

// framesFirst is [frames, 3, rows, columns].
func (m madeClip) framesFirst() (out []float64) {
	for t := range m.frames.t {
		out = append(out, m.frames.frames(t, t+1).v...)
	}
	return out
}

// draw makes configurations and files of them, as the reference's are.
type draw struct {
	*rand.Rand
	t       *testing.T
	tensors []weights.Tensor
	config  pipelineFile
	params  map[string][]float32
}

func oneOf[T any](d *draw, from ...T) T { return from[d.IntN(len(from))] }

func (d *draw) normal(n int, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(d.NormFloat64() * scale)
	}
	return out
}

func (d *draw) put(name string, v []float32, shape ...int64) {
	d.tensors = append(d.tensors, weights.Float32Tensor(name, shape, v))
}

// model draws the shapes of transformer and VAE.
func (d *draw) model() {
	z := oneOf[int64](d, 2, 3, 4)
	m := &d.config.Model
	*m = ModelConfig{NumLayers: oneOf[int64](d, 1, 2, 3), HiddenSize: oneOf[int64](d, 24, 36, 40, 64), FFNSize: oneOf[int64](d, 32, 48, 72), HeadDim: oneOf[int64](d, 8, 16, 24), NumHeads: oneOf[int64](d, 2, 4, 6),
		CaptionSize: oneOf[int64](d, 4, 6, 8), CaptionTokens: oneOf[int64](d, 56, 64, 70), Gated: d.IntN(2) == 0, InChannels: z, OutChannels: z}
	m.NumGroups = oneOf(d, 1, 2, m.NumHeads)
	if d.IntN(2) == 0 {
		m.HalfChannel, m.InChannels, m.OutChannels, m.Rescale = true, 2*z, 2*z, 0.1
	}
	d.config.Coder = VAECoder{VideoSize: oneOf[int64](d, 8, 12), VideoLength: oneOf[int64](d, 8, 16), PatchSize: 2, ZChannels: z, Dim: 16 * oneOf[int64](d, 2, 3), Depth: oneOf[int64](d, 1, 2), Heads: oneOf[int64](d, 2, 4), MLPRatio: oneOf(d, 2.0, 3)}
	d.config.Model, d.config.VAEConfig = d.config.Model.WithDefaults(), d.config.WithDefaults()
}

// weights draws every parameter of graphs.
func (d *draw) weights(prefix string, builds ...func() (*nn.Net, error)) {
	for _, build := range builds {
		net, err := build()
		if err != nil {
			d.t.Fatal(err)
		}
		for _, p := range net.Params() {
			if d.params[prefix+p.Name] != nil {
				continue
			}
			scale, mean := 1/math.Sqrt(float64(max(p.Elements()/p.Dims[0], 1))), float32(0)
			switch last := p.Name[strings.LastIndexByte(p.Name, '.')+1:]; {
			case p.Name == "rope.bands":
				mean, scale = 1, 0.3
			case len(p.Dims) == 1 && last == "weight" && (prefix == "w.vae." || strings.HasSuffix(p.Name, ".layer_norm.weight")):
				mean, scale = 1, 0.2
			case len(p.Dims) == 1:
				scale = 0.2
			case strings.HasPrefix(p.Name, "final_linear"): // gentle: where steps magnify, so they do the rounding of float32
				scale *= 0.2 * d.config.Model.Rescale
			}
			v := d.normal(int(p.Elements()), scale)
			for i := range v {
				v[i] += mean
			}
			d.params[prefix+p.Name] = v
			d.put(prefix+p.Name, v, p.Dims...)
		}
	}
}

// runtime draws a schedule.
func (d *draw) runtime() (c Config) {
	r := &c.Runtime
	*r = RuntimeConfig{CFGNumber: 3, FPS: oneOf(d, 16, 24, 32), ChunkWidth: oneOf(d, 2, 3), WindowSize: oneOf(d, 1, 2, 3, 4), NumFrames: 4 * (1 + d.IntN(7)), CleanTime: oneOf[float32](d, 0.9999, 0.95),
		CleanKVRange: oneOf(d, -1, 1, 2, 3), ScaleFactor: oneOf[float32](d, 0.18215, 0.5)}
	for range oneOf(d, 1, 2, 4) {
		r.KVRange = append(r.KVRange, 1+d.IntN(5))
	}
	unit := lcm(r.WindowSize, len(r.KVRange))
	r.NumSteps = unit * oneOf(d, 1, 2, max(1, 12/unit))
	for i := range 2 + d.IntN(4) {
		at := float32(0)
		if i > 0 {
			at = r.CFGTimes[i-1] + (1-r.CFGTimes[i-1])*float32(0.05+0.4*d.Float64())
		}
		r.CFGTimes, r.PrevScales, r.TextScales = append(r.CFGTimes, at), append(r.PrevScales, float32(0.5+d.Float64())), append(r.TextScales, float32(8*d.Float64()*float64(d.IntN(3))/2))
	}
	if d.IntN(2) == 0 {
		r.CFGNumber, c.Engine.Distill = 1, true
		c.Engine.NearlyCleanAbove, c.Engine.Shortcut = oneOf(d, 0.1, 0.3, 0.5), oneOf(d, "8,16,16", "16,16,8")
	}
	return c
}

// call draws one clip, and what the plain pipeline makes of it.
func (d *draw) call(name string, net, vae plainWeights, prompt rows, special plainSpecial) string {
	c := d.runtime()
	c.Model = d.config.Model
	c = c.WithDefaults()
	p := &plainClip{c: c, net: plain{c: c.Model, w: net}, vae: newPlainVAE(d.config.Coder, vae), height: oneOf(d, 4, 6), width: oneOf(d, 4, 6, 8), frames: c.Runtime.NumFrames / 4, prompt: prompt, special: special, env: map[string]string{}}
	for _, pad := range []string{"PAD_STATIC", "PAD_DYNAMIC", "PAD_BORDERNESS", "PAD_HQ", "PAD_THREE_D_MODEL", "PAD_TWO_D_ANIME", "PAD_DURATION", "NEG_PROMPT"} {
		p.env[pad] = oneOf(d, "0", "1")
	}
	given := 0
	if given = oneOf(d, 0, 0, 1, 2, 3, 5); given > 0 {
		frames := 4 * given
		if given == 1 {
			frames = 1
		}
		shape := []int64{int64(frames), int64(2 * p.height), int64(2 * p.width), 3}
		raw := make([]byte, frames*2*p.height*2*p.width*3)
		for i := range raw {
			raw[i] = byte(d.IntN(256))
		}
		d.tensors = append(d.tensors, weights.Tensor{Name: "in." + name + ".prefix_pixels", DType: weights.U8, Shape: shape, Data: raw})
		p.given(raw, shape)
		d.put("out."+name+".prefix_latents", narrow(p.prefix.v), 1, int64(p.prefix.c), int64(p.prefix.t), int64(p.prefix.h), int64(p.prefix.w))
	}
	channels, frames := int(c.Model.latentChannels()), ceil(p.frames+given, c.Runtime.ChunkWidth)*c.Runtime.ChunkWidth
	shape := []int64{1, int64(channels), int64(frames), int64(p.height), int64(p.width)}
	noise := d.normal(channels*frames*p.height*p.width, 1)
	d.put("in."+name+".noise", noise, shape...)
	m := p.clip(volume{channels, frames, p.height, p.width, wide(noise)})
	d.put("out."+name+".latents_per_step", narrow(m.steps), append([]int64{int64(len(p.after))}, shape[1:]...)...)
	d.put("out."+name+".latents", narrow(m.latents.v), 1, int64(m.latents.c), int64(m.latents.t), int64(m.latents.h), int64(m.latents.w))
	first := m.framesFirst()
	shape = []int64{int64(m.frames.t), 3, int64(m.frames.h), int64(m.frames.w)}
	d.put("out."+name+".frames", narrow(first), shape...)
	bytes := make([]byte, len(first))
	for i, v := range first {
		bytes[i] = byte(min(max(v*127.5+127.5, 0), 255))
	}
	d.tensors = append(d.tensors, weights.Tensor{Name: "out." + name + ".frames_uint8", DType: weights.U8, Shape: shape, Data: bytes})
	one := d.config.Calls[name]
	one.Config, one.Env, one.Steps, one.Returned = c, p.env, len(p.after), m.returned
	d.config.Calls[name] = one
	r := c.Runtime
	return fmt.Sprintf("%s: %d frames of %d×%d in chunks of %d, %d given, window %d, ranges %v and %d, %d steps, %d passes", name, frames, p.height, p.width, r.ChunkWidth, given, r.WindowSize, r.KVRange, r.CleanKVRange, r.NumSteps, r.CFGNumber)
}

// file draws a model, captions and clips, and writes them in the form of the reference's files.
func (d *draw) file(path string, calls int) {
	d.model()
	m, v := d.config.Model, d.config.VAEConfig
	d.weights("w.transformer.", func() (*nn.Net, error) { return Transformer(m, true, 1, nn.Options{}) }, func() (*nn.Net, error) { return Tables(m, nn.Options{}) })
	d.weights("w.vae.", func() (*nn.Net, error) { return Encoder(v, nn.Options{}) }, func() (*nn.Net, error) { return Decoder(v, nn.Options{}) })
	of := func(prefix string) plainWeights {
		return newPlainWeights(func(name string) []float32 { return d.params[prefix+name] })
	}
	tokens, size := m.CaptionTokens, m.CaptionSize
	prompt, mask, words := d.normal(int(tokens*size), 1), []byte(nil), oneOf(d, 0, 3, 17, int(tokens))
	for i := range int(tokens) {
		counts := uint64(0)
		if i < words {
			counts = 1
		}
		mask = binary.LittleEndian.AppendUint64(mask, counts)
	}
	d.put("in.caption_embs", prompt, 1, 1, tokens, size)
	d.tensors = append(d.tensors, weights.Tensor{Name: "in.mask", DType: weights.I64, Shape: []int64{1, tokens}, Data: mask})
	half := func(name string, n int64) rows { // of values that half precision has
		v := d.normal(int(n*size), 1)
		for i := range v {
			v[i] = float32(math.Round(min(max(float64(v[i]), -3.9), 3.9)*256) / 256)
		}
		d.put("in."+name, v, n, size)
		return inRows(v, int(size))
	}
	special := plainSpecial{half("caption_token", 1)[0], half("logo_token", 1)[0], half("other_tokens", 20)}
	net, vae := of("w.transformer."), of("w.vae.")
	for i := range calls {
		d.t.Log(d.call(fmt.Sprintf("clip%d", i), net, vae, inRows(prompt, int(size))[:words], special))
	}
	config, err := json.Marshal(d.config)
	if err == nil {
		err = weights.Write(path, d.tensors, map[string]string{"config": string(config)})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// Clips of other sizes, schedules and seeds than the reference's files have, drawn anew each from its number: ours agree with the plain
// pipeline, which the test above holds to the reference.
func TestClipsOfOtherSizesAgreeWithThePlainPipeline(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { threeClips(t, seed) })
	}
}

// threeClips draws a model and three clips of it.
func threeClips(t *testing.T, seed uint64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drawn.safetensors")
	d := &draw{Rand: rand.New(rand.NewPCG(seed, 18)), t: t, params: map[string][]float32{}}
	empty, err := json.Marshal(map[string]any{"calls": map[string]any{}})
	if err == nil {
		err = json.Unmarshal(empty, &d.config)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.file(path, 3)
	goldenPipeline(t, golden.OpenFile(t, path))
}
