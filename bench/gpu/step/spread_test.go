package main

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// TestDevicesAreMeasuredBesideOne: two sessions on the CPU are two devices, and end at the same latents, whole and in parts.
func TestDevicesAreMeasuredBesideOne(t *testing.T) {
	defer func(was [3]int64) { grid = was }(grid)
	grid = [3]int64{1, 2, 3}
	b := bench{dir: t.TempDir(), device: "cpu,cpu", steps: 1, report: harness.NewGPUReport(context.Background(), "step", "none")}
	if err := b.choose(); err != nil {
		t.Fatal(err)
	}
	c := wan21.TransformerConfig{NumHeads: 1, HeadDim: 24, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 512, NumLayers: 16}
	if err := b.compareSpreads(context.Background(), "tiny", kind{"fp32", "library"}, c); err != nil {
		t.Fatal(err)
	}
	f := b.report.Figures
	for _, name := range []string{"_x2_whole", "_x2_parts"} {
		name = "step_tiny_fp32_library" + name
		if off, ok := f[name+"_off_one"]; !ok || off != 0 {
			t.Errorf("%s is off one device by %g", name, off)
		}
		if f[name+"_s"] <= 0 || f[name+"_over_one"] <= 0 {
			t.Errorf("%s: %v", name, f)
		}
	}
}
