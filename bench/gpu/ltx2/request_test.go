package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/ltx2"
	"github.com/videosdgx/videosdgx/functions/media"
)

func onCPU(t *testing.T) *bench {
	t.Helper()
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{dir: t.TempDir(), rounds: 1, report: harness.NewReport("ltx2"), engine: e, target: engine.Device{Kind: engine.CPU}, began: time.Now()}
}

// All stages of a small model run one after the other, and the report has each, their sum, and the file's sound.
func TestAWholeRequest(t *testing.T) {
	if _, err := media.FFmpeg(); err != nil {
		t.Fatal(err)
	}
	b := onCPU(t)
	if err := b.measure(t.Context(), ltx2.Tiny, "fp32"); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, stage := range []string{"text", "connectors", "denoise", "audio_vae", "vocoder", "video_vae", "mp4"} {
		v := b.report.Figures[stage+"_tiny_fp32_s"]
		if sum += v; v <= 0 || b.report.Figures["first_"+stage+"_tiny_fp32_s"] <= 0 {
			t.Errorf("%s took %g s", stage, v)
		}
	}
	if total := b.report.Figures["total_tiny_fp32_s"]; total < sum*0.999 || total > sum*1.001 {
		t.Errorf("%g s in all of %g s", total, sum)
	}
	for _, counted := range []string{"mp4", "total"} { // the warm clip has its file too
		if n := len(b.report.Rounds[counted+"_tiny_fp32_s"]); n != 1 {
			t.Errorf("%s was measured in %d of 1 counted rounds", counted, n)
		}
	}
	if n := len(b.report.Rounds["denoise_tiny_fp32_step_s"]); n != 8 {
		t.Errorf("%d steps", n)
	}
	if s := b.report.Figures["mp4_tiny_fp32_sound_s"]; s < 0.5 || s > 1.2 {
		t.Errorf("%g s of sound beside 9 frames at 8 a second", s)
	}
}

// A stage whose graph is not there fails, the others run, and there is no total.
func TestAFailedStageDoesNotStopTheOthers(t *testing.T) {
	b := onCPU(t)
	w, err := ltx2.Published(ltx2.Tiny, 2)
	if err != nil {
		t.Fatal(err)
	}
	r := newRequest(b, w, ltx2.Tiny, "fp32")
	defer r.graphs.close()
	r.open(t.Context(), "fp32")
	if s := r.graphs["text_encoder"]; s != nil {
		s.Close()
		delete(r.graphs, "text_encoder")
	}
	for round := range 2 {
		r.clip(t.Context(), round)
	}
	if err := r.done(t.Context()); err == nil || !strings.Contains(err.Error(), "text: text_encoder is not open") || errors.Unwrap(err) != nil {
		t.Errorf("it says %v", err)
	}
	if b.report.Figures["video_vae_tiny_fp32_s"] <= 0 || b.report.Figures["connectors_tiny_fp32_s"] <= 0 || b.report.Figures["total_tiny_fp32_s"] != 0 {
		t.Errorf("figures: %v", b.report.Figures)
	}
}
