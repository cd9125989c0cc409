package magi1

import (
	"math"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// kindsOf are the special tokens that an environment of the published code asks for.
func kindsOf(env map[string]string) (kinds []string) {
	for name, kind := range map[string]string{"PAD_STATIC": "static", "PAD_DYNAMIC": "dynamic", "PAD_BORDERNESS": "borderness", "PAD_HQ": "hq",
		"PAD_THREE_D_MODEL": "3d_model", "PAD_TWO_D_ANIME": "2d_anime", "PAD_DURATION": "duration"} {
		if env[name] == "1" {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func specialOf(t *testing.T, g *golden.Case) specialTokens {
	t.Helper()
	half := func(name string) []float32 {
		v, _ := g.Tensor("in." + name)
		raw, err := weights.Encode(weights.F16, v)
		if err != nil {
			t.Fatal(err)
		}
		return weights.Decode(weights.F16, raw)
	}
	return specialTokens{caption: half("caption_token"), logo: half("logo_token"), other: half("other_tokens")}
}

func TestGoldenCaptionRows(t *testing.T) {
	g := golden.Open(t, "magi_caption")
	var c struct {
		Config
		Calls map[string]struct {
			Env    map[string]string `json:"env"`
			Prefix int               `json:"prefix_frames"`
			Chunks int               `json:"chunk_num"`
			Mask   int               `json:"mask_of_caption"`
		} `json:"calls"`
	}
	g.Config(&c)
	prompt, shape := g.Tensor("in.caption_embs")
	null, _ := g.Tensor("w.y_embedder.null_caption_embedding")
	size := int(shape[3])
	for name, call := range c.Calls {
		mask := make([]int64, shape[2])
		for i := range call.Mask {
			mask[i] = 1
		}
		s := captionSet{captionMaker: captionMaker{size: size, null: null, special: specialOf(t, g), kinds: kindsOf(call.Env), negative: call.Env["NEG_PROMPT"] == "1"},
			prompt: prompt, mask: mask, chunks: call.Chunks, prefix: call.Prefix / c.Runtime.ChunkWidth}
		wantMask, err := g.Raw("out." + name + ".mask")
		if err != nil {
			t.Fatal(err)
		}
		want, wshape := g.Tensor("out." + name + ".y")
		kept := int(wshape[2]) - 1 // the first ones and the last
		var got []float32
		var gotMask []byte
		for _, of := range []func(int) row{s.textRow, func(int) row { return s.nullRow() }} {
			for j := range call.Chunks {
				r := of(j)
				got = append(append(got, r.tokens[:kept*size]...), r.tokens[len(r.tokens)-size:]...)
				for _, m := range r.mask {
					gotMask = append(gotMask, byte(m))
				}
			}
		}
		golden.Near(t, name, got, want, 1e-6)
		if !slices.Equal(gotMask, wantMask) {
			t.Errorf("%s: other tokens count", name)
		}
	}
}

// The projection of what counts, in plain float64: the tokens are in the order that the network expects.
func TestGoldenCaptionProjection(t *testing.T) {
	g := golden.Open(t, "magi_caption")
	prompt, shape := g.Tensor("in.caption_embs")
	mask, _ := g.Ints("in.mask")
	null, _ := g.Tensor("w.y_embedder.null_caption_embedding")
	w, ws := g.Tensor("w.y_embedder.y_proj_xattn.0.weight")
	bias, _ := g.Tensor("w.y_embedder.y_proj_xattn.0.bias")
	s := captionSet{captionMaker: captionMaker{size: int(shape[3]), null: null, special: specialOf(t, g), kinds: []string{"hq", "duration"}}, prompt: prompt, mask: mask}
	var c struct {
		Calls map[string]struct {
			Chunks int `json:"chunk_num"`
		} `json:"calls"`
	}
	g.Config(&c)
	s.chunks = c.Calls["hq_duration"].Chunks
	for name, of := range map[string]func(int) caption{"text": s.withText, "null": s.without} {
		var got []float32
		for j := range s.chunks {
			v := of(j).Float32()
			for at := 0; at < len(v); at += s.size {
				for o := range int(ws[0]) {
					sum := float64(bias[o])
					for i := range s.size {
						sum += float64(w[o*s.size+i]) * float64(v[at+i])
					}
					got = append(got, float32(sum/(1+math.Exp(-sum))))
				}
			}
		}
		want, _ := g.Tensor("out.embed." + name + ".y_xattn_flat")
		golden.Near(t, name, got, want, 1e-6)
	}
}
