package magi1

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

func TestGoldenTimes(t *testing.T) {
	g := golden.Open(t, "magi_sampler")
	for _, name := range g.List("out.timesteps.") {
		want, _ := g.Tensor("out.timesteps." + name)
		kind, rest, _ := strings.Cut(name, "_")
		shift := 3.0
		if s, after, ok := strings.Cut(rest, "_"); ok && strings.HasPrefix(s, "shift") {
			v, err := strconv.ParseFloat(strings.TrimPrefix(s, "shift"), 64)
			if err != nil {
				t.Fatal(err)
			}
			shift, rest = v, after
		}
		count, shortcut, _ := strings.Cut(rest, ".")
		steps, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		golden.Near(t, name, times(steps, shortcut, kind, shift), want, 1e-7)
	}
	for _, name := range g.List("out.interval.") {
		count, shortcut, _ := strings.Cut(name, ".")
		steps, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(intervals(steps, shortcut))
		want := fmt.Sprint(numbers(t, g, "out.interval."+name))
		if got != want {
			t.Errorf("intervals of %s are %s, want %s", name, got, want)
		}
	}
}

// numbers reads a tensor of either kind.
func numbers(t *testing.T, g *golden.Case, name string) (out []float64) {
	info, err := g.Info(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.DType == "I64" {
		v, _ := g.Ints(name)
		for _, x := range v {
			out = append(out, float64(x))
		}
		return out
	}
	v, _ := g.Tensor(name)
	for _, x := range v {
		out = append(out, float64(x))
	}
	return out
}

func TestGoldenStages(t *testing.T) {
	g := golden.Open(t, "magi_sampler")
	var c struct {
		Sequences []struct {
			Chunks    int   `json:"chunk_num"`
			Window    int   `json:"window_size"`
			Prefix    int   `json:"chunk_offset"`
			ClipStart []int `json:"clip_start"`
			ClipEnd   []int `json:"clip_end"`
			TStart    []int `json:"t_start"`
			TEnd      []int `json:"t_end"`
		} `json:"sequences"`
	}
	g.Config(&c)
	for _, want := range c.Sequences {
		var first, last, from, to []int
		for _, s := range stages(want.Chunks, want.Window, want.Prefix) {
			first, last, from, to = append(first, s.first), append(last, s.last), append(from, s.from), append(to, s.to)
		}
		if !slices.Equal(first, want.ClipStart) || !slices.Equal(last, want.ClipEnd) || !slices.Equal(from, want.TStart) || !slices.Equal(to, want.TEnd) {
			t.Errorf("%d chunks, window %d, prefix %d: %v %v %v %v, want %+v", want.Chunks, want.Window, want.Prefix, first, last, from, to, want)
		}
	}
}

// walkConfig is one walk of the file.
type walkConfig struct {
	Config
	Chunks      int `json:"chunk_num"`
	Prefix      int `json:"prefix_frames"`
	Total       int `json:"total_forward_step"`
	ChunkTokens int `json:"chunk_tokens"`
	Calls       []struct {
		SlicePoint  int     `json:"slice_point"`
		RangeNum    int     `json:"range_num"`
		Denoising   int     `json:"denoising_range_num"`
		Extra       bool    `json:"fwd_extra_1st_chunk"`
		NearlyClean bool    `json:"distill_nearly_clean_chunk"`
		Interval    float64 `json:"distill_interval"`
	} `json:"calls"`
	Returned [][2]int `json:"returned_chunks"`
}

// Every walk of the file is walked with its velocities: what each call is given, and the latents after it.
func TestGoldenWalks(t *testing.T) {
	g := golden.Open(t, "magi_sampler")
	var all map[string]json.RawMessage
	g.Config(&all)
	walks := 0
	for name, raw := range all {
		if !slices.Contains(g.Names(), "out."+name+".latents") {
			continue
		}
		walks++
		t.Run(name, func(t *testing.T) {
			var c walkConfig
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			goldenWalk(t, g, name, c)
		})
	}
	if walks == 0 {
		t.Error("the file has no walks")
	}
}

func goldenWalk(t *testing.T, g *golden.Case, name string, c walkConfig) {
	noise, shape := g.Tensor("in." + name + ".noise")
	velocities, vshape := g.Tensor("in." + name + ".velocities")
	channels, frames, plane := int(shape[1]), int(shape[2]), int(shape[3]*shape[4])
	width := c.Runtime.ChunkWidth
	cfg := c.Config
	cfg.Runtime.NumSteps = max(cfg.Runtime.NumSteps, 1)
	p, err := newPlan(cfg, c.Chunks*width-c.Prefix, c.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	if p.chunks != c.Chunks || p.total() != c.Total || int(vshape[0]) != c.Total {
		t.Fatalf("%d chunks and %d steps, want %d and %d", p.chunks, p.total(), c.Chunks, c.Total)
	}
	w := &walker{plan: p, net: &network{c: ModelConfig{InChannels: int64(channels)}, height: shape[3], width: shape[4]}, latents: map[int][]float32{}}
	if c.Prefix > 0 {
		w.given, _ = g.Tensor("in." + name + ".prefix")
	}
	x := slices.Clone(noise)
	want, _ := g.Tensor("out." + name + ".latents")
	wantTime, tshape := g.Tensor("out." + name + ".timestep")
	wantRange := int32s(t, g, "out."+name+".kv_range")
	schedule, _ := g.Tensor("out." + name + ".schedule")
	golden.Near(t, "schedule", p.times, schedule, 1e-7)
	var returned [][2]int
	for i := range p.total() {
		s := p.at(i)
		checkCall(t, i, s, p, c, wantTime[i*int(tshape[1]):], wantRange[2*i*int(tshape[1]):])
		for _, e := range s.chunks {
			if w.latents[e.chunk] == nil {
				w.latents[e.chunk] = w.net.frames(noise, frames, e.chunk*width, (e.chunk+1)*width)
			}
			w.overwrite(e.chunk)
		}
		each := channels * frames * plane
		v := velocities[i*each:][:each]
		var calls []call
		for _, e := range s.chunks {
			calls = append(calls, call{entry: e})
		}
		w.integrate(calls, velocityOf(w, v, frames, s))
		for j, latent := range w.latents {
			put(x, latent, channels, frames, plane, j*width, width)
		}
		golden.Near(t, fmt.Sprintf("latents after step %d", i+1), x, want[i*each:(i+1)*each], 1e-6)
		if s.finishes {
			if err := w.finish(s.first, func(_ int, _ []float32, n int) error {
				returned = append(returned, [2]int{s.first - p.whole(), n})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c.Returned != nil && fmt.Sprint(returned) != fmt.Sprint(c.Returned) {
		t.Errorf("chunks %v, want %v", returned, c.Returned)
	}
}

// velocityOf cuts a call's velocities, which the file has in the clip's own order, by chunks.
func velocityOf(w *walker, v []float32, frames int, s step) map[int][]float32 {
	out, width := map[int][]float32{}, w.c.ChunkWidth
	for _, e := range s.chunks {
		out[e.chunk] = w.net.frames(v, frames, e.chunk*width, (e.chunk+1)*width)
	}
	return out
}

func put(x, latent []float32, channels, frames, plane, at, n int) {
	for ch := range channels {
		copy(x[(ch*frames+at)*plane:][:n*plane], latent[ch*n*plane:])
	}
}

func int32s(t *testing.T, g *golden.Case, name string) []int {
	raw, err := g.Raw(name)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int, len(raw)/4)
	for i := range out {
		out[i] = int(int32(uint32(raw[4*i]) | uint32(raw[4*i+1])<<8 | uint32(raw[4*i+2])<<16 | uint32(raw[4*i+3])<<24))
	}
	return out
}

func checkCall(t *testing.T, i int, s step, p plan, c walkConfig, times []float32, ranges []int) {
	t.Helper()
	want := c.Calls[i]
	first, last := s.chunks[0].chunk, s.chunks[len(s.chunks)-1].chunk+1
	oldest := s.chunks[0]
	if s.clean {
		oldest = s.chunks[1]
	}
	near := float64(oldest.time) > c.Engine.NearlyCleanAbove
	if first != want.SlicePoint || last != want.RangeNum || len(s.chunks) != want.Denoising || s.clean != want.Extra || near != want.NearlyClean || s.interval != want.Interval {
		t.Errorf("step %d is %+v (nearly clean %v), want %+v", i, s, near, want)
	}
	for k, e := range s.chunks {
		if e.time != times[k] || e.from != ranges[2*k] || e.chunk+1 != ranges[2*k+1] {
			t.Errorf("step %d: chunk %d at %v sees from %d; want %v, %v", i, e.chunk, e.time, e.from, times[k], ranges[2*k:2*k+2])
		}
	}
}

// parts cuts [channels, frames, …] by chunks of a width.
func parts(v []float32, shape []int64, width int) (out [][]float32) {
	n := &network{c: ModelConfig{InChannels: shape[1]}, height: shape[3], width: shape[4]}
	for at := 0; at < int(shape[2]); at += width {
		out = append(out, n.frames(v, int(shape[2]), at, at+width))
	}
	return out
}

func TestGoldenGuidance(t *testing.T) {
	g := golden.Open(t, "magi_sampler")
	raw := map[string]json.RawMessage{}
	g.Config(&raw)
	for _, name := range []string{"guidance", "guidance_clean"} {
		var c struct {
			Config
			Extra bool `json:"fwd_extra_1st_chunk"`
		}
		if err := json.Unmarshal(raw[name], &c); err != nil {
			t.Fatal(err)
		}
		r := c.Runtime
		at, _ := g.Tensor("in." + name + ".timestep")
		wantPrev, _ := g.Tensor("out." + name + ".prev_scale")
		wantText, _ := g.Tensor("out." + name + ".text_scale")
		get := func(tensor string) [][]float32 {
			v, shape := g.Tensor(tensor)
			return parts(v, shape, r.ChunkWidth)
		}
		text, prev, alone := get("in."+name+".text"), get("in."+name+".prev"), get("in."+name+".uncond")
		want := get("out." + name + ".velocity")
		skip := len(text) - len(alone)
		if skip != map[bool]int{true: 1}[c.Extra] {
			t.Fatalf("%d chunks alone of %d", len(alone), len(text))
		}
		for i, v := range at {
			if p, s := r.scales(v); p != wantPrev[i] || s != wantText[i] {
				t.Errorf("%s: scales at %v are %v and %v, want %v and %v", name, v, p, s, wantPrev[i], wantText[i])
			}
		}
		for i := range alone {
			r.guide(text[skip+i], prev[skip+i], alone[i], at[skip+i])
			golden.Near(t, fmt.Sprintf("%s of chunk %d", name, i), alone[i], want[skip+i], 1e-6)
		}
	}
}

func TestGoldenNearlyClean(t *testing.T) {
	g := golden.Open(t, "magi_sampler")
	raw := map[string]json.RawMessage{}
	g.Config(&raw)
	for _, name := range []string{"nearly_clean", "nearly_clean_clean"} {
		var c struct {
			Extra bool    `json:"fwd_extra_1st_chunk"`
			Width int     `json:"chunk_width"`
			Share float64 `json:"prev_chunks_scale"`
		}
		if err := json.Unmarshal(raw[name], &c); err != nil {
			t.Fatal(err)
		}
		v, shape := g.Tensor("in." + name + ".prediction")
		all := parts(v, shape, c.Width)
		v, shape = g.Tensor("out." + name + ".velocity")
		oldest := map[bool]int{true: 1}[c.Extra]
		temper(all[oldest], all[len(all)-1], c.Share)
		golden.Near(t, name, all[oldest], parts(v, shape, c.Width)[oldest], 1e-6)
	}
}
