package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/serve/duo"
	"github.com/videosdgx/videosdgx/functions/serve/rehearsal"
)

// asFast is how many times as long plans may take as ONNX Runtime and be taken all the same: less cannot be told from the noise of
// two measurements.
const asFast = 1.05

// timedRounds is of how many runs of a plan the best counts.
const timedRounds = 3

// Pace is how long a model's default clip takes with plans, and with ONNX Runtime: the sum of the runs of its graphs.
type Pace struct {
	Clip  string  `json:"clip"`
	Plans float64 `json:"plans_seconds"`
	Other float64 `json:"ort_seconds"`
}

// Slower says whether ONNX Runtime is the better choice.
func (p Pace) Slower() bool { return !(p.Plans <= asFast*p.Other) }

// String is such as "9.0 × slower than ONNX Runtime (330 s against 36.6 s for 832×480, 81 frames, 50 steps)".
func (p Pace) String() string {
	than := fmt.Sprintf("%.3g × slower than", p.Plans/p.Other)
	switch {
	case p.Plans < p.Other/asFast:
		than = fmt.Sprintf("%.3g × faster than", p.Other/p.Plans)
	case !p.Slower():
		than = "as fast as"
	}
	return fmt.Sprintf("%s ONNX Runtime (%.3g s against %.3g s for %s)", than, p.Plans, p.Other, p.Clip)
}

// slower is why plans that are right do not serve.
type slower struct{ Pace }

func (s slower) Error() string {
	return "the plans are " + s.String() + "; engine: tensorrt takes them all the same"
}

// Brief is for where there is room for a word.
func (s slower) Brief() string { return fmt.Sprintf("plans are %.1fx slower", s.Plans/s.Other) }

// chosen is what is said of plans that serve.
func (t *plansFor) chosen(p Pace) duo.Choice {
	c := duo.Choice{Name: t.lib.Name(), Why: "asked for"}
	if p.Clip != "" {
		c.Why = "its plans are " + p.String()
	}
	return c
}

// against is what measured seconds depend on besides the plan and the bundle.
func (t *plansFor) against() string {
	return fmt.Sprintf("%s, attention %q, runs recorded for %d shapes; %s, driver %s", t.m.Engine.Version(), t.attends.is, t.recorded, t.on, t.on.Driver)
}

// pace is what was measured of plans, by their graphs. NotFound: not all have been, on this GPU, with this driver, beside this ONNX
// Runtime. What is damaged is as if it were not there.
func (t *plansFor) pace(plans map[string]tensorrt.Found) (p Pace, err error) {
	for graph, plan := range plans {
		s, err := tensorrt.KnownSpeed(plan.Path, t.against())
		if errdefs.IsDataLoss(err) {
			t.log.Warn("how fast a plan is has to be measured again", "graph", graph, "reason", err.Error())
		}
		if err != nil || p.Clip != "" && s.Clip != p.Clip {
			return Pace{}, fmt.Errorf("the plan of %s was not timed: %w", graph, errdefs.ErrNotFound)
		}
		p = Pace{s.Clip, p.Plans + s.Seconds, p.Other + s.Other}
	}
	if !(p.Other > 0) {
		return Pace{}, fmt.Errorf("no plan was timed: %w", errdefs.ErrNotFound)
	}
	return p, nil
}

// timedClip is how often each graph ran for a clip, and how long ONNX Runtime took.
type timedClip struct {
	name string // "832×480, 81 frames, 50 steps"
	runs map[string][]record.Timed
	// more is how much more often a graph runs for the whole clip than it did for the steps that were rehearsed.
	more map[string]float64
}

// rehearsedSteps are how many steps the timed clip has, unless its model needs more to use all of its parts.
const rehearsedSteps = 2

// timeSure has ONNX Runtime make clips, and notes what its graphs took: the smallest with the steps that are timed and with all of them,
// which say what is not timed, and the default one twice, since a first run finds its kernels and its memory.
func (w *workshop) timeSure(ctx context.Context, m handler.Model, prompt string) error {
	d := m.Describe()
	timed, err := rehearsal.All(d, rehearsal.Clip(d, d.Defaults, prompt, max(min(rehearsedSteps, d.Defaults.Steps), 1)))
	if err != nil {
		return err
	}
	c := timedClip{name: fmt.Sprintf("%d×%d, %d frames, %d steps", d.Defaults.Width, d.Defaults.Height, d.Defaults.NumFrames, d.Defaults.Steps), runs: map[string][]record.Timed{}, more: map[string]float64{}}
	small := [2]map[string]int{}
	for i, steps := range []int{timed[0].Steps, max(d.Defaults.Steps, timed[0].Steps)} {
		w.recorder.Clock()
		if err := m.Generate(ctx, rehearsal.Clip(d, rehearsal.Smallest(d), prompt, steps), handler.Silent()); err != nil {
			return err
		}
		small[i] = w.counts()
	}
	w.recorder.Clock()
	for range 2 {
		if err := m.Generate(ctx, timed[0], handler.Silent()); err != nil {
			return err
		}
	}
	for graph, n := range w.counts() {
		c.runs[graph] = w.recorder.Timed(graph)
		c.more[graph] = (float64(n)/2 + float64(small[1][graph]-small[0][graph])) / float64(n) // of two clips
	}
	w.clip = c
	return nil
}

// counts are how often each graph has run since the clock began.
func (w *workshop) counts() map[string]int {
	n := map[string]int{}
	for _, path := range w.graphs() {
		graph := record.Graph(path)
		for _, t := range w.recorder.Timed(graph) {
			n[graph] += t.Runs
		}
	}
	return n
}

// timeAll times every plan with the shapes that ONNX Runtime was timed with, and writes down what it came to.
func (w *workshop) timeAll(ctx context.Context, plans map[string]tensorrt.Found) (p Pace, err error) {
	p.Clip = w.clip.name
	for _, path := range w.graphs() {
		graph := record.Graph(path)
		s, err := w.timePlan(ctx, graph, plans[graph].Path)
		if ctx.Err() != nil {
			return p, context.Cause(ctx)
		}
		if err != nil {
			return p, fmt.Errorf("the plan of %s cannot be timed with %s: %w", graph, w.clip.name, err)
		}
		p.Plans, p.Other = p.Plans+s.Seconds, p.Other+s.Other
		w.log.Info("plan timed", "graph", graph, "runs", s.Runs, "seconds", s.Seconds, "ort_seconds", s.Other, "against", s.Against)
		if err := w.kept(tensorrt.KeepSpeed(plans[graph].Path, s), graph, plans[graph].Path, "how fast a plan is is not kept, it is measured again at the next start"); err != nil {
			return p, err
		}
	}
	return p, nil
}

// timePlan is what a plan takes for its runs of the clip; nothing where it has none.
func (w *workshop) timePlan(ctx context.Context, graph, path string) (s tensorrt.Speed, err error) {
	s = tensorrt.Speed{Against: w.against(), Clip: w.clip.name}
	if len(w.clip.runs[graph]) == 0 { // the default clip does without it
		f, err := tensorrt.Known(path)
		s.Plan = f.Sum
		return s, err
	}
	if err := w.room(sizes(path), "the plan of "+graph); err != nil {
		return s, err
	}
	on := w.m.Options.Device
	session, err := w.engine.Open(ctx, path, engine.Options{Device: on, Memory: w.m.Options.Memory})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	s.Plan = tensorrt.Checksum(session)
	place := func(t engine.Tensor) (engine.Value, error) { return w.engine.Place(ctx, t, on) }
	for _, t := range w.clip.runs[graph] {
		plan, other, err := w.time(ctx, session, place, t)
		if err != nil {
			return s, err
		}
		n := float64(t.Runs) * w.clip.more[graph]
		s.Runs, s.Seconds, s.Other = s.Runs+n, s.Seconds+n*plan.Seconds(), s.Other+n*other.Seconds()
	}
	return s, nil
}

// timer is how long a plan takes for a run that ONNX Runtime was timed with, and how long that took.
type timer func(ctx context.Context, plan engine.Session, place func(engine.Tensor) (engine.Value, error), as record.Timed) (took, other time.Duration, err error)

// both is the timer that looks at the clock.
func both(ctx context.Context, plan engine.Session, place func(engine.Tensor) (engine.Value, error), as record.Timed) (took, other time.Duration, err error) {
	took, err = accept.Time(ctx, plan, place, as, timedRounds)
	return max(took, 1), max(as.Best, 1), err
}
