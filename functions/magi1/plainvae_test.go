package magi1

import (
	"fmt"
	"math"
)

// volume is [channels, frames, rows, columns].
type volume struct {
	c, t, h, w int
	v          []float64
}

func newVolume(c, t, h, w int) volume { return volume{c, t, h, w, make([]float64, c*t*h*w)} }

func (x volume) at(c, t, h, w int) int { return ((c*x.t+t)*x.h+h)*x.w + w }

// frames are those of [from, to).
func (x volume) frames(from, to int) volume {
	out := newVolume(x.c, to-from, x.h, x.w)
	for c := range x.c {
		copy(out.v[c*out.t*x.h*x.w:], x.v[x.at(c, from, 0, 0):x.at(c, 0, 0, 0)+to*x.h*x.w])
	}
	return out
}

func (x volume) times(f float64) volume {
	out := volume{x.c, x.t, x.h, x.w, make([]float64, len(x.v))}
	for i, v := range x.v {
		out.v[i] = v * f
	}
	return out
}

// behind puts volumes behind one another in time.
func behind(all ...volume) volume {
	t := 0
	for _, x := range all {
		t += x.t
	}
	out := newVolume(all[0].c, t, all[0].h, all[0].w)
	for c := range out.c {
		at := 0
		for _, x := range all {
			at += copy(out.v[out.at(c, at/(x.h*x.w), 0, 0):], x.v[c*x.t*x.h*x.w:(c+1)*x.t*x.h*x.w])
		}
	}
	return out
}

// plainVAE is the published autoencoder in float64, over one tile of all rows and columns: written from the formulas, with none of the
// graph's code.
type plainVAE struct {
	d VAECoder
	plain
}

func newPlainVAE(d VAECoder, w plainWeights) plainVAE {
	return plainVAE{d, plain{c: ModelConfig{Eps: 1e-5}, w: w}}
}

// encode is the means of pixels in [−1, 1], in pieces of so many frames. One frame stands for a patch of equal ones.
func (p plainVAE) encode(x volume, piece int) volume {
	var all []volume
	for at := 0; at < x.t; at += piece {
		one := x.frames(at, min(at+piece, x.t))
		if one.t == 1 {
			one = behind(one, one, one, one)
		}
		all = append(all, p.encodeTile(one))
	}
	return behind(all...)
}

func (p plainVAE) encodeTile(x volume) volume {
	d := p.d
	pt, ps := int(d.PatchLength), int(d.PatchSize)
	w, b := p.param("encoder.patch_embed.proj.weight"), p.param("encoder.patch_embed.proj.bias")
	z := newVolume(int(d.ZChannels), x.t/pt, x.h/ps, x.w/ps)
	var tokens rows
	for t := range z.t {
		for h := range z.h {
			for o := range z.w {
				v := make([]float64, d.Dim)
				for i := range v {
					v[i] = b[i]
					for c := range 3 {
						for a := range pt {
							for e := range ps {
								for f := range ps {
									v[i] += w[(((i*3+c)*pt+a)*ps+e)*ps+f] * x.v[x.at(c, t*pt+a, h*ps+e, o*ps+f)]
								}
							}
						}
					}
				}
				tokens = append(tokens, v)
			}
		}
	}
	for i, v := range p.times(p.blocks(tokens, "encoder.", z), "encoder.last_layer") {
		for c := range z.c {
			z.v[c*len(tokens)+i] = v[c]
		}
	}
	return z
}

// decode is the pixels of latents, in pieces of so many latent frames. One latent frame by itself is one frame.
func (p plainVAE) decode(z volume, piece int) volume {
	var all []volume
	for at := 0; at < z.t; at += piece {
		one := z.frames(at, min(at+piece, z.t))
		x := p.decodeTile(one)
		if one.t == 1 {
			x = x.frames(0, 1)
		}
		all = append(all, x)
	}
	return behind(all...)
}

func (p plainVAE) decodeTile(z volume) volume {
	var tokens rows
	for i := range z.t * z.h * z.w {
		v := make([]float64, z.c)
		for c := range v {
			v[c] = z.v[c*z.t*z.h*z.w+i]
		}
		tokens = append(tokens, v)
	}
	y := p.blocks(p.times(tokens, "decoder.proj_in"), "decoder.", z)
	pt, ps := int(p.d.PatchLength), int(p.d.PatchSize)
	x := newVolume(int(p.d.Dim)/(pt*ps*ps), z.t*pt, z.h*ps, z.w*ps)
	for i, v := range y {
		for n, e := range v { // patch frames, rows, columns, then channels
			c, rest := n%x.c, n/x.c
			x.v[x.at(c, i/(z.h*z.w)*pt+rest/(ps*ps), i/z.w%z.h*ps+rest/ps%ps, i%z.w*ps+rest%ps)] = e
		}
	}
	return p.smoothed(x)
}

// smoothed is the last convolution, of 3 × 3 × 3 with zeros around.
func (p plainVAE) smoothed(x volume) volume {
	w, b := p.param("decoder.last_layer.weight"), p.param("decoder.last_layer.bias")
	out := newVolume(3, x.t, x.h, x.w)
	for o := range 3 {
		for t := range x.t {
			for h := range x.h {
				for e := range x.w {
					sum := b[o]
					for k := range x.c * 27 {
						c, i, j, l := k/27, t+k/9%3-1, h+k/3%3-1, e+k%3-1
						if i >= 0 && i < x.t && j >= 0 && j < x.h && l >= 0 && l < x.w {
							sum += w[o*x.c*27+k] * x.v[x.at(c, i, j, l)]
						}
					}
					out.v[out.at(o, t, h, e)] = sum
				}
			}
		}
	}
	return out
}

// blocks are the transformer's, of one coder, over a grid's tokens with the class token in front, which is taken off again.
func (p plainVAE) blocks(tokens rows, name string, grid volume) rows {
	x := append(rows{p.param(name + "cls_token")}, tokens...)
	x = plus(x, p.positions(name, grid))
	for l := range p.d.Depth {
		block := fmt.Sprintf("%sblocks.%d.", name, l)
		x = plus(x, p.attended(x, block+"attn."))
		h := each(p.times(p.norm(x, block+"norm2", 0), block+"mlp.fc1"), func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) })
		x = plus(x, p.times(h, block+"mlp.fc2"))
	}
	return p.norm(x, name+"norm", 0)[1:]
}

func (p plainVAE) attended(x rows, name string) rows {
	n := int(p.d.Heads)
	parts := heads(p.times(x, name+"qkv"), 3*n) // heads of queries, of keys, of values
	for i := range parts {
		for r, v := range parts[i] {
			parts[i][r] = standardised(v)
		}
	}
	out := make(rows, len(x))
	for h := range n {
		for r := range x {
			out[r] = append(out[r], attend(parts[h][r], parts[n+h], parts[2*n+h], 0, len(x))...)
		}
	}
	return p.times(out, name+"proj")
}

func standardised(v []float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, e := range v {
		mean += e / float64(len(v))
	}
	for _, e := range v {
		variance += (e - mean) * (e - mean) / float64(len(v))
	}
	out := make([]float64, len(v))
	for i, e := range v {
		out[i] = (e - mean) / (math.Sqrt(variance) + 1e-5)
	}
	return out
}

// positions are the class token's and those of the learnt grid, read between its cells where the grid is another.
func (p plainVAE) positions(name string, grid volume) rows {
	d, all := int(p.d.Dim), p.param(name+"pos_embed")
	side := int(p.d.VideoSize / p.d.PatchSize)
	from := [3]int{int(p.d.VideoLength / p.d.PatchLength), side, side}
	out := rows{all[:d]}
	for t := range grid.t {
		for h := range grid.h {
			for w := range grid.w {
				v := make([]float64, d)
				for corner := range 8 {
					share, cell := 1.0, 0
					for axis, at := range [3]struct{ i, of int }{{t, grid.t}, {h, grid.h}, {w, grid.w}} {
						place := max((float64(at.i)+0.5)*float64(from[axis])/float64(at.of)-0.5, 0)
						low := int(place)
						high := min(low+1, from[axis]-1)
						if corner>>axis&1 == 0 {
							share, cell = share*(1-(place-float64(low))), cell*from[axis]+low
						} else {
							share, cell = share*(place-float64(low)), cell*from[axis]+high
						}
					}
					for i := range v {
						v[i] += share * all[(1+cell)*d+i]
					}
				}
				out = append(out, v)
			}
		}
	}
	return out
}
