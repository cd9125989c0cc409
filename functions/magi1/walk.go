package magi1

import (
	"context"
	"fmt"
	"maps"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// caption is what a chunk is conditioned on: the tokens that count, [1, tokens, caption_channels].
type caption = engine.Tensor

// captions are those of a clip's chunks. Every chunk has one with the prompt and one without.
type captions interface {
	withText(chunk int) caption
	without(chunk int) caption
}

// walker denoises a clip's chunks.
type walker struct {
	plan
	net      *network
	captions captions
	noise    func(chunk int) []float32 // [channels, chunk_width, height, width]
	given    []float32                 // the prefix's latents [channels, frames, height, width]
	memory   window
	latents  map[int][]float32 // of the chunks in flight, and of the one that was finished last
	// watch, where set, hears of every step when it is done: the chunks' latents, and their velocities.
	watch func(step int, s step, latents, velocity map[int][]float32)
}

// finished takes the latents of a chunk that is clean: its frames from the first after the prefix on, [channels, frames,
// height, width].
type finished func(chunk int, latents []float32, frames int) error

// run walks the whole clip. stepped hears after every step how many of all forwards are done; chunks come in their order, as soon as they
// are clean.
func (w *walker) run(ctx context.Context, stepped func(done, total int), emit finished) error {
	defer func() { w.memory.closeFrom(0) }()
	w.memory, w.latents = window{}, map[int][]float32{}
	if err := w.remember(ctx); err != nil {
		return fmt.Errorf("the clip to go on from: %w", err)
	}
	done, all := 0, w.forwards()
	for i := range w.total() {
		s := w.at(i)
		if err := w.step(ctx, i, s, emit); err != nil {
			return fmt.Errorf("denoising step %d of %d: %w", i+1, w.total(), err)
		}
		done += len(s.chunks)
		stepped(done, all)
	}
	return nil
}

// remember has the chunks that the prefix fills leave their keys and values.
func (w *walker) remember(ctx context.Context) error {
	for _, e := range w.plan.given() {
		c := call{latent: w.chunkOfPrefix(e.chunk), entry: e, caption: w.captions.without(e.chunk), kind: w.kindOfNull(), pace: w.paceOf(w.interval[0])}
		_, m, err := w.net.forward(ctx, c, w.memory)
		if err != nil {
			return err
		}
		w.memory[e.chunk] = m
		w.memory.closeBelow(e.chunk + 1 - w.mostSeen())
	}
	return nil
}

// mostSeen is how many chunks back any chunk attends, with itself.
func (w *walker) mostSeen() int {
	if s := w.c.Slots(); s > 0 || len(w.c.KVRange) > 0 {
		return s + 1
	}
	return w.chunks
}

// kindOfNull is the row that stands for a caption without text: without guidance it is never used.
func (w *walker) kindOfNull() int {
	if w.c.CFGNumber == 1 {
		return kindText
	}
	return kindNull
}

func (w *walker) paceOf(interval float64) float32 { return pace(w.steps, interval) }

// step moves every chunk in flight one step on. The oldest goes first where it is clean then, and is handed on before the others
// take their step: nobody watches them yet.
func (w *walker) step(ctx context.Context, i int, s step, emit finished) error {
	inputs := make([]call, len(s.chunks))
	for k, e := range s.chunks {
		if w.latents[e.chunk] == nil {
			w.latents[e.chunk] = w.noise(e.chunk)
		}
		w.overwrite(e.chunk)
		inputs[k] = call{latent: w.latents[e.chunk], entry: e, pace: w.paceOf(s.interval)}
	}
	w.memory.closeBelow(w.unseen(s))
	p := w.begin(s)
	defer p.close()
	all := map[int][]float32{}
	groups := s.groups(inputs)
	for k, group := range groups {
		velocity, err := p.predict(ctx, group, k == len(groups)-1)
		if err != nil {
			return err
		}
		w.integrate(group, velocity)
		maps.Copy(all, velocity)
		if k == 0 && s.finishes {
			if err := w.finish(s.first, emit); err != nil {
				return err
			}
		}
	}
	w.memory.closeBelow(s.first + 1 - w.mostSeen())
	if w.watch != nil {
		w.watch(i, s, w.latents, all)
	}
	if s.finishes && s.first+1 == w.chunks {
		delete(w.latents, s.first)
	}
	return nil
}

// unseen is the chunk before which no chunk of a step sees any, nor of a later one.
func (w *walker) unseen(s step) int {
	least := s.first + 1 - w.mostSeen()
	for _, e := range s.chunks {
		least = min(least, e.from)
	}
	return least
}

// groups are the chunks that take the step together: all, or the oldest with the clean one before the rest.
func (s step) groups(chunks []call) [][]call {
	n := s.oldest() + 1
	if !s.finishes || n == len(chunks) {
		return [][]call{chunks}
	}
	return [][]call{chunks[:n], chunks[n:]}
}

// oldest is the place of the oldest chunk in flight.
func (s step) oldest() int {
	if s.clean {
		return 1
	}
	return 0
}

// integrate moves chunks in flight along their velocities. The clean one has left what it had to.
func (w *walker) integrate(chunks []call, velocity map[int][]float32) {
	for _, e := range chunks {
		if e.done == w.steps {
			delete(w.latents, e.chunk)
			continue
		}
		x, v, dt := w.latents[e.chunk], velocity[e.chunk], w.times[e.done+1]-w.times[e.done]
		for i := range x {
			x[i] += float32(v[i] * dt)
		}
	}
}

// under gives calls their captions and the row of a pass. A clean chunk's caption is the null one in every pass.
func (w *walker) under(chunks []call, kind int) []call {
	out := make([]call, len(chunks))
	for i, c := range chunks {
		c.kind = kind
		if c.done == w.steps || kind == kindNull {
			c.caption = w.captions.without(c.chunk)
		} else {
			c.caption = w.captions.withText(c.chunk)
		}
		out[i] = c
	}
	return out
}

// finish hands a clean chunk on, without what was given. Its latents stay until it has left its keys and values.
func (w *walker) finish(chunk int, emit finished) error {
	width, from := w.c.ChunkWidth, max(chunk*w.c.ChunkWidth, w.prefix)
	if chunk == 0 && w.prefix == 1 { // an image's chunk comes whole
		from = 0
	}
	frames := (chunk+1)*width - from
	return emit(chunk, w.net.frames(w.latents[chunk], width, width-frames, width), frames)
}

// overwrite puts the prefix's frames over those of a chunk.
func (w *walker) overwrite(chunk int) {
	width := w.c.ChunkWidth
	n := min(w.prefix-chunk*width, width)
	if n <= 0 {
		return
	}
	x, plane := w.latents[chunk], w.net.plane()
	for ch := range w.net.channels() {
		from := w.given[(ch*w.prefix+chunk*width)*plane:]
		copy(x[ch*width*plane:], from[:n*plane])
	}
}

func (w *walker) chunkOfPrefix(chunk int) []float32 {
	width := w.c.ChunkWidth
	return w.net.frames(w.given, w.prefix, chunk*width, (chunk+1)*width)
}

// sinusoid is a time as the network takes it.
func sinusoid(t float32) engine.Tensor {
	return engine.Floats(nn.ScaledSinusoid(t, freqDim, 1000), 1, freqDim)
}
