package ltx2

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestALoRABeyondFP16 has a LoRA make weights that FP16 does not hold, which is whoever's who asked for it, with what would do; BF16
// holds them.
func TestALoRABeyondFP16(t *testing.T) {
	dir, verify := t.TempDir(), weights.VerifyOptions{RecordDir: t.TempDir()}
	ckpt := filepath.Join(dir, "checkpoint")
	writeCheckpoint(t, ckpt)
	for activations, holds := range map[string]bool{"fp16": false, "bf16": true} {
		base := filepath.Join(dir, activations)
		if _, err := serve.Build(t.Context(), ckpt, base, Recipe, bundle.Options{Precision: bundle.None, Activations: activations, Targets: []bundle.Target{serve.CUDA()}}); err != nil {
			t.Fatal(err)
		}
		d, err := serve.Derive(t.Context(), ckpt, base, Recipe, []bundle.LoRA{{Path: wideLoRA(t, ckpt, 10, nil), Strength: 1e5}}, verify)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		_, err = d.Build(t.Context(), filepath.Join(dir, activations+" with it"), bundle.Options{}, verify)
		var fault *lora.Fault
		switch told := errors.As(err, &fault); {
		case holds && err != nil:
			t.Errorf("%s: %v", activations, err)
		case !holds && (!told || !errdefs.IsInvalidArgument(fault)):
			t.Errorf("%s: %v", activations, err)
		case !holds && (!strings.Contains(fault.Detail, "a smaller strength may do") || !strings.Contains(fault.Detail, "--activations bf16") || strings.Contains(fault.Detail, dir)):
			t.Errorf("%s: %s", activations, fault.Detail)
		}
	}
}
