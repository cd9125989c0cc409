package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/split"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// spread is a way to have devices compute the graph: what figures' names end in ("" for one device), and the engine that does it.
type spread struct {
	name   string
	engine engine.Engine
}

// choose reads the devices, and how a graph is spread over them.
func (b *bench) choose() error {
	var all []engine.Device
	for name := range strings.SplitSeq(b.device, ",") {
		d, err := engine.ParseDevice(name)
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	b.target = all[0]
	library, err := ort.LoadFor(b.target)
	if err != nil {
		return err
	}
	b.over, b.capability = spreads(library, all), library.Capability(b.target)
	b.engine = b.over[len(b.over)-1].engine
	return nil
}

func spreads(e engine.Engine, all []engine.Device) []spread {
	over := []spread{{"", e}}
	if len(all) < 2 {
		return over
	}
	for _, whole := range []bool{true, false} {
		name := fmt.Sprintf("_x%d_%s", len(all), map[bool]string{true: "whole", false: "parts"}[whole])
		over = append(over, spread{name, &split.Engine{Engine: e, Devices: all, Spread: []string{"transformer"}, Fits: func(int64) bool { return whole }}})
	}
	return over
}

// compareSpreads measures a form on one device, and where there are several on all of them, each time from the same latents: how many
// times as fast they are, and by how much the latents at the end are off one device's.
func (b *bench) compareSpreads(ctx context.Context, model string, format kind, c wan21.TransformerConfig) error {
	form := "step_" + strings.ReplaceAll(model, ".", "_") + "_" + format.String()
	var one []float32
	for _, s := range b.over {
		b.engine = s.engine
		latents, err := b.measure(ctx, form+s.name, format, c)
		if err != nil {
			return err
		}
		if s.name == "" {
			one = latents
		} else {
			b.report.Figure(form+s.name+"_over_one", b.report.Figures[form+"_s"]/b.report.Figures[form+s.name+"_s"])
			b.report.Figure(form+s.name+"_off_one", relative(latents, one))
		}
		if err := b.report.SoFar(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}
