package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/ltx2"
	"github.com/videosdgx/videosdgx/functions/media"
)

// opened are sessions by the name of their graph.
type opened map[string]engine.Session

// Run runs one.
func (o opened) Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error) {
	s := o[graph]
	if s == nil {
		return nil, fmt.Errorf("%s is not open", graph)
	}
	return s.Run(ctx, in, resident...)
}

// onDevice are sessions on a device.
type onDevice struct {
	opened
	*bench
}

// Place copies a tensor to it.
func (o onDevice) Place(ctx context.Context, t engine.Tensor) (engine.Value, error) {
	return o.engine.Place(ctx, t, o.target)
}

func (o opened) close() {
	for _, s := range o {
		s.Close()
	}
}

// request is a clip that is made again and again, stage by stage.
type request struct {
	*bench
	w      ltx2.Workload
	name   string // of the model and the format, as figures have it
	graphs opened
	took   map[string][]float64 // seconds of every counted round, by stage
	failed map[string]error     // by stage
	sound  *media.Sound
	rgb    [][]byte
}

func newRequest(b *bench, w ltx2.Workload, model, format string) *request {
	return &request{bench: b, w: w, name: strings.ReplaceAll(model, ".", "_") + "_" + format, graphs: opened{}, took: map[string][]float64{}, failed: map[string]error{}}
}

// open opens every graph that is needed. One that cannot be opened is told; its stage fails, and so the run in the end.
func (r *request) open(ctx context.Context, format string) {
	for _, g := range r.w.Graphs() {
		if !r.needs(g.Name) {
			continue
		}
		s, took, err := r.session(ctx, g, format)
		if err != nil {
			r.fail("open "+g.Name, err)
			continue
		}
		r.graphs[g.Name] = s
		r.figure("open_"+g.Name, "s", took.Seconds())
		r.figure("opened_"+g.Name, "mib", harness.DeviceMiB(ctx))
	}
}

// needs says whether a stage that is wanted runs a graph.
func (r *request) needs(graph string) bool {
	return slices.ContainsFunc(r.w.Clip(nil, nil).Stages(), func(s ltx2.Stage) bool { return s.Graph == graph && r.wants(s.Name) })
}

func (r *request) wants(stage string) bool {
	return r.stages == "" || slices.Contains(strings.Split(r.stages, ","), stage)
}

// figure records one and prints it.
func (r *request) figure(what, unit string, v float64) {
	if v < 0 { // memory that nobody tells
		return
	}
	r.report.Figure(what+"_"+r.name+"_"+unit, v)
	r.say("%s %s: %.3f %s", r.name, what, v, unit)
}

func (r *request) fail(what string, err error) {
	if r.failed[what] == nil {
		r.failed[what] = err
		r.say("%s %s failed: %v", r.name, what, err)
	}
}

// clip runs every stage once. The first round is not counted: in it the device's memory is watched, which takes time.
func (r *request) clip(ctx context.Context, round int) {
	random := rand.New(rand.NewPCG(3, 4))
	c := r.w.Clip(onDevice{r.graphs, r.bench}, func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
		return v
	})
	defer c.Close()
	r.sound, r.rgb = nil, nil
	c.Sound = func(s media.Sound) error { r.sound = &s; return nil }
	c.Frame = func(rgb []byte) error { r.rgb = append(r.rgb, slices.Clone(rgb)); return nil }
	last := time.Now()
	c.Step = func() {
		if round > 0 {
			r.took["denoise_step"] = append(r.took["denoise_step"], time.Since(last).Seconds())
		}
		last = time.Now()
	}
	total, whole := 0.0, r.stages == ""
	for _, s := range r.withFile(c.Stages()) {
		if !r.wants(s.Name) || r.failed[s.Name] != nil {
			whole = whole && r.wants(s.Name) && r.failed[s.Name] == nil
			continue
		}
		last = time.Now()
		seconds, err := r.stage(ctx, s, round)
		if err != nil {
			r.fail(s.Name, err)
			whole = false
			continue
		}
		total += seconds
	}
	if v := c.Latents(); slices.ContainsFunc(v, notFinite) {
		r.fail("latents", errors.New("they are not finite"))
	}
	if whole && len(c.Stages()) > 1 {
		r.say("%s clip %d: %.3f s in all", r.name, round, total)
		if round > 0 {
			r.took["total"] = append(r.took["total"], total)
		} else {
			r.report.Figure("first_total_"+r.name+"_s", total)
		}
	}
}

func notFinite(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }

// stage runs one and says what it took.
func (r *request) stage(ctx context.Context, s ltx2.Stage, round int) (seconds float64, err error) {
	var stop func() float64
	if round == 0 {
		stop = harness.DevicePeak(ctx)
	}
	begin := time.Now()
	err = s.Run(ctx)
	seconds = time.Since(begin).Seconds()
	if stop != nil {
		peak := stop()
		if err == nil {
			r.figure("first_"+s.Name, "s", seconds)
			r.figure("peak_"+s.Name, "mib", peak)
		}
		return seconds, err
	}
	if err == nil {
		r.took[s.Name] = append(r.took[s.Name], seconds)
		r.say("%s clip %d %s: %.3f s", r.name, round, s.Name, seconds)
	}
	return seconds, err
}

var unheard sync.Once // that there is no ffmpeg

// withFile adds the stage that makes the file, where this machine can and all parts of the clip are made.
func (r *request) withFile(stages []ltx2.Stage) []ltx2.Stage {
	if len(stages) < 2 {
		return stages
	}
	if _, err := media.FFmpeg(); err != nil {
		unheard.Do(func() {
			r.report.Note("H.264 and AAC are not in the total: %v", err)
			r.say("H.264 and AAC are not in the total: %v", err)
		})
		return stages
	}
	return append(stages, ltx2.Stage{Name: "mp4", Run: r.file})
}

// file encodes what the stages before have made.
func (r *request) file(ctx context.Context) error {
	if len(r.rgb) != r.w.Frames || r.sound == nil {
		return fmt.Errorf("%d of %d frames are there, sound: %v", len(r.rgb), r.w.Frames, r.sound != nil)
	}
	e, err := media.NewEncoder(ctx, media.Spec{Width: r.w.Width, Height: r.w.Height, FPS: r.w.FPS, Dir: r.dir})
	if err != nil {
		return err
	}
	defer e.Abort()
	if err := e.Sound(*r.sound); err != nil {
		return err
	}
	for _, rgb := range r.rgb {
		if err := e.Frame(rgb); err != nil {
			return err
		}
	}
	f, err := e.Close()
	if err != nil {
		return err
	}
	defer os.Remove(f.Path)
	r.report.Figure("mp4_"+r.name+"_bytes", float64(f.Size))
	r.report.Figure("mp4_"+r.name+"_sound_s", f.Seconds)
	return nil
}

// short is a prompt of a sentence: functions run the text encoder over the tokens that are there, the connectors over all.
func (r *request) short(ctx context.Context) {
	if r.graphs["text_encoder"] == nil || r.failed["text"] != nil || !r.wants("text") {
		return
	}
	c := r.w.Clip(r.graphs, nil)
	defer c.Close()
	c.Tokens = min(48, r.w.Text/2)
	text := c.Stages()[0]
	for round := range r.rounds + 1 {
		begin := time.Now()
		if err := text.Run(ctx); err != nil {
			r.fail("short text", err)
			return
		}
		if round > 0 {
			r.took["text_short"] = append(r.took["text_short"], time.Since(begin).Seconds())
		}
	}
}

// done records the medians.
func (r *request) done(ctx context.Context) (err error) {
	for _, stage := range slices.SortedFunc(maps.Keys(r.took), cmp.Compare) {
		what := stage + "_" + r.name + "_s"
		if stage == "denoise_step" {
			what = "denoise_" + r.name + "_step_s"
		}
		r.report.Observe(what, r.took[stage])
		r.say("%s %s: %.3f s", r.name, stage, harness.Median(r.took[stage]))
	}
	if strings.HasPrefix(r.name, "2_0_fp8") {
		r.report.Want("denoise_"+r.name+"_s", "≤ 4.9")
	}
	if v := harness.DeviceMiB(ctx); v >= 0 {
		r.figure("device", "mib", v)
	}
	for what, e := range r.failed {
		err = errors.Join(err, fmt.Errorf("%s: %w", what, e))
	}
	return err
}
