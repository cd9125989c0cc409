package magi1

import (
	"slices"
)

// plainClip is the published pipeline in float64, without a cache: before every pass all chunks that are clean go in again. It is
// written from the description of the published code, with none of the schedule's, the guidance's or the captions' code.
type plainClip struct {
	c       Config
	net     plain
	vae     plainVAE
	height  int // of the latent
	width   int
	frames  int     // latent frames that are asked for
	prefix  *volume // latents of what is given
	prompt  rows    // tokens that count
	special plainSpecial
	env     map[string]string

	chunks, whole int
	times         []float32
	x             volume              // all chunks, those in flight as they are
	after         []volume            // x after every step
	emit          func(latent volume) // a finished chunk's frames, from the first that was not given
}

// plainSpecial are the special tokens.
type plainSpecial struct {
	caption, logo []float64
	other         rows
}

// run walks the clip from its noise.
func (p *plainClip) run(noise volume) {
	r, given := p.c.Runtime, 0
	if p.prefix != nil {
		given = p.prefix.t
	}
	p.chunks, p.whole = ceil(p.frames+given, r.ChunkWidth), given/r.ChunkWidth
	p.times, p.x = plainTimes(r.NumSteps, p.c.Engine.Shortcut), volume{noise.c, noise.t, noise.h, noise.w, slices.Clone(noise.v)}
	per := r.NumSteps / r.WindowSize
	for stage := range p.chunks - p.whole + r.WindowSize - 1 {
		for i := range per {
			p.step(stage, i, per)
			p.after = append(p.after, volume{p.x.c, p.x.t, p.x.h, p.x.w, slices.Clone(p.x.v)})
		}
		if done := p.whole + stage - r.WindowSize + 1; done >= p.whole { // its last step was this stage's
			p.finish(done, given)
		}
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// finish hands a chunk on: all of it behind an image, else from the first frame that was not given.
func (p *plainClip) finish(chunk, given int) {
	w := p.c.Runtime.ChunkWidth
	from := chunk * w
	if given > 1 {
		from = max(from, given)
	}
	p.emit(p.x.frames(from, (chunk+1)*w))
}

// flying is a chunk's place in a step: how many steps it has had, all of them where it is clean.
type flying struct{ chunk, done int }

func (p *plainClip) step(stage, i, per int) {
	r := p.c.Runtime
	var noisy []flying
	for j := p.whole; j < p.chunks; j++ {
		if age := stage - (j - p.whole); age >= 0 && age < r.WindowSize {
			noisy = append(noisy, flying{j, age*per + i})
		}
	}
	oldest := noisy[0].chunk
	for _, f := range noisy {
		p.overlay(&p.x, f.chunk)
	}
	fresh := -1 // the chunk that has just become clean: it goes in with this step's passes
	if i == 0 && oldest > p.whole {
		fresh = oldest - 1
	}
	velocity := map[int]volume{}
	if r.CFGNumber == 1 {
		velocity = p.pass(noisy, fresh, i, true)
		if f := noisy[0]; float64(p.times[f.done]) > p.c.Engine.NearlyCleanAbove {
			velocity[f.chunk] = mixed([]float64{0.7, 0.3}, velocity[f.chunk], p.alone(f, i, true))
		}
	} else {
		text, prev := p.pass(noisy, fresh, i, true), p.pass(noisy, fresh, i, false)
		for _, f := range noisy {
			at := 0
			for k, bound := range r.CFGTimes {
				if bound-1e-7 < p.times[f.done] {
					at = k
				}
			}
			before, words := float64(r.PrevScales[at]), float64(r.TextScales[at])
			velocity[f.chunk] = mixed([]float64{1 - before, before - words, words}, p.alone(f, i, false), prev[f.chunk], text[f.chunk])
		}
	}
	for _, f := range noisy {
		dt, v := float64(p.times[f.done+1]-p.times[f.done]), velocity[f.chunk]
		for c := range p.x.c {
			at := p.x.at(c, f.chunk*r.ChunkWidth, 0, 0)
			for k := range v.t * v.h * v.w {
				p.x.v[at+k] += dt * v.v[c*v.t*v.h*v.w+k]
			}
		}
	}
}

func mixed(shares []float64, parts ...volume) volume {
	out := newVolume(parts[0].c, parts[0].t, parts[0].h, parts[0].w)
	for i, p := range parts {
		for k, v := range p.v {
			out.v[k] += shares[i] * v
		}
	}
	return out
}

// overlay writes what is given over a chunk.
func (p *plainClip) overlay(x *volume, chunk int) {
	if p.prefix == nil {
		return
	}
	for t := chunk * p.c.Runtime.ChunkWidth; t < min((chunk+1)*p.c.Runtime.ChunkWidth, p.prefix.t); t++ {
		for c := range x.c {
			copy(x.v[x.at(c, t, 0, 0):x.at(c, t, 0, 0)+x.h*x.w], p.prefix.v[p.prefix.at(c, t, 0, 0):])
		}
	}
}

// pass is the velocity of chunks in flight, with everything before them: chunks that became clean earlier as the pass without text left
// them, the one that has just become clean in this pass's own condition.
func (p *plainClip) pass(noisy []flying, fresh, i int, text bool) map[int]volume {
	r := p.c.Runtime
	clean := volume{p.x.c, p.x.t, p.x.h, p.x.w, slices.Clone(p.x.v)}
	var in []plainChunk
	for j := range noisy[0].chunk {
		p.overlay(&clean, j)
		seen := r.CleanKVRange
		if seen < 1 {
			seen = r.KVRange[len(r.KVRange)-1]
		}
		in = append(in, plainChunk{latent: narrow(p.of(clean, j).v), time: float64(r.CleanTime), pace: p.pace(0), row: p.row(text && j == fresh || r.CFGNumber == 1), from: max(0, j+1-seen), caption: p.null()})
	}
	for _, f := range noisy {
		seen := r.KVRange[f.done*len(r.KVRange)/r.NumSteps]
		k := plainChunk{latent: narrow(p.of(p.x, f.chunk).v), time: float64(p.times[f.done]), pace: p.pace(i), row: p.row(text), from: max(0, f.chunk+1-seen), caption: p.null()}
		if text {
			k.caption = p.text(f.chunk)
		}
		in = append(in, k)
	}
	out, all := map[int]volume{}, p.net.forward(in, r.CFGNumber == 1 && p.c.Engine.Distill, r.ChunkWidth, p.height, p.width)
	for k, f := range noisy {
		out[f.chunk] = volume{p.x.c, r.ChunkWidth, p.height, p.width, all[noisy[0].chunk+k]}
	}
	return out
}

// alone is the velocity of a chunk by itself.
func (p *plainClip) alone(f flying, i int, text bool) volume {
	k := plainChunk{latent: narrow(p.of(p.x, f.chunk).v), time: float64(p.times[f.done]), pace: p.pace(i), row: p.row(text), caption: p.null()}
	if text {
		k.caption = p.text(f.chunk)
	}
	return volume{p.x.c, p.c.Runtime.ChunkWidth, p.height, p.width, p.net.forward([]plainChunk{k}, p.c.Engine.Distill, p.c.Runtime.ChunkWidth, p.height, p.width)[0]}
}

func (p *plainClip) of(x volume, chunk int) volume {
	return x.frames(chunk*p.c.Runtime.ChunkWidth, (chunk+1)*p.c.Runtime.ChunkWidth)
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// row is what stands for the kind of a pass: the last but one of the null caption's tokens with text, the last without.
func (p *plainClip) row(text bool) []float64 {
	all, n := p.net.param("y_embedder.null_caption_embedding"), int(p.c.Model.CaptionSize)
	if text {
		return all[len(all)-2*n : len(all)-n]
	}
	return all[len(all)-n:]
}

// pace is the length of the i-th step of a stage, for a distilled model.
func (p *plainClip) pace(i int) float64 {
	n := p.c.Runtime.NumSteps
	if n != 12 {
		return 2 * float64(n) / 4
	}
	long := 0
	if p.c.Engine.Shortcut == "16,16,8" {
		long = 2
	}
	if i%3 == long {
		return 4
	}
	return 8
}

// null is the caption without a prompt: fifty of its tokens.
func (p *plainClip) null() rows {
	n, all := int(p.c.Model.CaptionSize), p.net.param("y_embedder.null_caption_embedding")
	var tokens rows
	if p.env["NEG_PROMPT"] == "1" {
		tokens = rows{p.special.other[4], p.special.other[0], p.special.logo, p.special.caption}
	}
	for at := 0; at < len(all); at += n {
		tokens = append(tokens, all[at:at+n])
	}
	return tokens[:min(50, len(all)/n)]
}

// text is a chunk's caption.
func (p *plainClip) text(chunk int) rows {
	if len(p.prompt) == 0 {
		return p.null()
	}
	out := slices.Clone(p.prompt)
	for _, s := range []struct {
		env string
		row int
	}{{"PAD_STATIC", 2}, {"PAD_DYNAMIC", 3}, {"PAD_BORDERNESS", 4}, {"PAD_HQ", 1}, {"PAD_THREE_D_MODEL", 15}, {"PAD_TWO_D_ANIME", 16}, {"PAD_DURATION", 7 + min(p.chunks-1-chunk, 7)}} {
		if p.env[s.env] == "1" {
			out = append(rows{p.special.other[s.row]}, out...)
		}
	}
	return out[:min(len(out), int(p.c.Model.CaptionTokens))]
}

// plainTimes are the times of a clip's steps: evenly, or with a quarter's sixteenth left out, squared and shifted, all in float32.
func plainTimes(steps int, shortcut string) (out []float32) {
	for i := range steps + 1 {
		x := float32(1) / float32(steps) * float32(i)
		if i >= (steps+1)/2 {
			x = 1 - float32(float32(1)/float32(steps)*float32(steps-i))
		}
		if steps == 12 {
			within := []float32{0, 2, 3}
			if shortcut == "16,16,8" {
				within = []float32{0, 1, 2}
			}
			x = float32(i/3)/4 + within[i%3]/16
		}
		x *= x
		third := float32(1.0 / 3)
		under := 1 + float32(float32(1.0/3-1)*x)
		out = append(out, float32(third*x)/under)
	}
	return out
}
