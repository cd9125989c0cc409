package main

import (
	"context"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
)

// tally counts what the judge finds in the clips of one model and one kind of prompt.
type tally struct{ right, all, striped int }

func (s *tally) count(m made, spec shapes.Spec) {
	clip := m.judged()
	v := verdict.Judge(clip, spec)
	s.all++
	if v.Color && v.Motion && v.Background {
		s.right++
	}
	if verdict.Striped(clip, spec.Background) {
		s.striped++
	}
}

// baseEvery prompt is made without the LoRA too: the model's own score is known.
const baseEvery = 4

// style asks what the LoRA of a style changes: what it should where the prompt has its word, and nothing where it has not. Every drawn
// prompt is made with the LoRA, with and without the word, and some without the LoRA, all from the same noise.
func (o options) style(ctx context.Context, r *harness.Report, plain, with handler.Model) error {
	random, all, psnr := shapes.Rand(o.seed), map[string]*tally{"lora_style": {}, "lora": {}, "base": {}}, []float64(nil)
	for i := range o.n {
		spec := shapes.Draw(random)
		words := spec
		words.Color = "striped " + spec.Color
		text, styled, clips := spec.Caption(random), words.Caption(random), map[string]made{}
		for _, c := range []struct {
			name  string
			model handler.Model
			text  string
		}{{"lora_style", with, styled}, {"lora", with, text}, {"base", plain, text}} {
			if c.name == "base" && i%baseEvery != 0 {
				continue
			}
			m, err := o.generate(ctx, c.model, c.text, int64(o.seed<<20+uint64(i)), 0, nil)
			if err != nil {
				return fmt.Errorf("%s, %q: %w", c.name, c.text, err)
			}
			clips[c.name] = m
			all[c.name].count(m, spec)
		}
		if base, ok := clips["base"]; ok {
			psnr = append(psnr, clipPSNR(clips["lora"].frames, base.frames))
		}
		fmt.Fprintf(os.Stderr, "%3d/%d striped %d with the word, %d without; right %d, %d, without the LoRA %d of %d; %.1f dB  %s\n", i+1, o.n,
			all["lora_style"].striped, all["lora"].striped, all["lora_style"].right, all["lora"].right, all["base"].right, all["base"].all, median(psnr), styled)
	}
	r.Figure("prompts", float64(o.n))
	for name, s := range all {
		r.Figure(name+"_right", float64(s.right)/float64(s.all))
		r.Figure(name+"_striped", float64(s.striped)/float64(s.all))
	}
	r.Figure("plain_psnr_db", median(psnr))
	r.Want("lora_style_striped", "≥ 0.75")
	r.Want("lora_striped", "≤ 0")
	r.Ratio("lora_plain_over_base", "lora_right", "base_right")
	r.Want("lora_plain_over_base", "≥ 0.95")
	return nil
}
