package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// row is a line of the table.
type row struct {
	format                    string
	color, motion, background float64 // shares of prompts
	latents, clip, worst      float64 // PSNR in dB: medians, and the clip's least
	seconds                   float64
}

// judge is the mean of the three shares.
func (r row) judge() float64 { return (r.color + r.motion + r.background) / 3 }

// within is how far from float32's a format's score may lie.
var within = map[string]string{"bf16": "≤ 0.03", "fp8": "≤ 0.03", "int8": "≤ 0.03", "nf4": "≤ 0.08", "nvfp4": "≤ 0.08", "int4": "≤ 0.08"}

func (o options) figures(r *harness.Report, prompts []result) (rows []row) {
	for _, f := range o.formats {
		rows = append(rows, rowOf(f, prompts))
	}
	reference := rows[0].judge()
	r.Figure("prompts", float64(len(prompts)))
	r.Figure("fp32_judge", reference)
	for _, w := range rows[1:] {
		r.Figure(w.format+"_judge", w.judge())
		r.Figure(w.format+"_judge_from_fp32", math.Abs(w.judge()-reference))
		r.Want(w.format+"_judge_from_fp32", within[w.format])
		r.Figure(w.format+"_latents_psnr_db", w.latents)
		r.Figure(w.format+"_clip_psnr_db", w.clip)
	}
	return rows
}

func rowOf(format string, prompts []result) row {
	w := row{format: format, worst: mostPSNR}
	var latents, clips, seconds []float64
	share := 1 / float64(len(prompts))
	for _, p := range prompts {
		m := p.Formats[format]
		latents, clips, seconds = append(latents, m.Latents), append(clips, m.Clip), append(seconds, m.Seconds)
		w.worst = min(w.worst, m.Clip)
		for _, k := range []struct {
			ok  bool
			sum *float64
		}{{m.Verdict.Color, &w.color}, {m.Verdict.Motion, &w.motion}, {m.Verdict.Background, &w.background}} {
			if k.ok {
				*k.sum += share
			}
		}
	}
	w.latents, w.clip, w.seconds = median(latents), median(clips), median(seconds)
	return w
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func tableOf(rows []row, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| format | colour | motion | background | mean | PSNR of latents, dB | PSNR of the clip, dB | worst clip, dB |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		name, latents, clip, worst := r.format, fmt.Sprintf("%.1f", r.latents), fmt.Sprintf("%.1f", r.clip), fmt.Sprintf("%.1f", r.worst)
		if name == bundle.None {
			name, latents, clip, worst = "float32", "–", "–", "–"
		}
		fmt.Fprintf(&b, "| %s | %.3f | %.3f | %.3f | %.3f | %s | %s | %s |\n", name, r.color, r.motion, r.background, r.judge(), latents, clip, worst)
	}
	fmt.Fprintf(&b, "\nn = %d prompts; medians of PSNR, whose peak is the range of float32's latents, or 255.\n", n)
	return b.String()
}

// The marks between which -readme writes.
const (
	tableBegin = "<!-- bench/quality: begin -->\n"
	tableEnd   = "<!-- bench/quality: end -->\n"
)

func rewrite(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		return fmt.Errorf("%s has no lines %q and %q to write the table between", path, strings.TrimSpace(tableBegin), strings.TrimSpace(tableEnd))
	}
	return os.WriteFile(path, []byte(before+tableBegin+table+tableEnd+after), 0o644)
}
