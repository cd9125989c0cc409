package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// loraFolder is where LoRAs lie by name, in the folder of models.
const loraFolder = "loras"

func lorasDir(cmd *cobra.Command) string { return filepath.Join(modelsDir(cmd), loraFolder) }

// parseLoRA reads [COMPONENT=]FILE[:STRENGTH]; FILE may be the name of one in the folder of LoRAs.
func parseLoRA(dir, text string) (bundle.LoRA, error) {
	l := bundle.LoRA{Path: text, Strength: 1}
	for _, component := range []string{"transformer", "transformer_2", "stage_2"} {
		if rest, ok := strings.CutPrefix(text, component+"="); ok {
			l.Component, l.Path = component, rest
		}
	}
	if at := strings.LastIndexByte(l.Path, ':'); at > 0 {
		if v, err := strconv.ParseFloat(l.Path[at+1:], 64); err == nil {
			l.Path, l.Strength = l.Path[:at], v
		} else if _, err := os.Stat(l.Path); err != nil {
			return l, usage(fmt.Errorf("--lora %q: after the colon stands a strength, such as :0.8", text))
		}
	}
	if math.IsNaN(l.Strength) || math.Abs(l.Strength) > maxStrength {
		return l, usage(fmt.Errorf("--lora %q: a strength lies between -%d and %d", text, maxStrength, maxStrength))
	}
	path, err := findLoRA(dir, l.Path)
	l.Path = path
	return l, err
}

// maxStrength bounds a strength: beyond it is a slip of the pen.
const maxStrength = 10

// findLoRA is a LoRA's path, given that or its name.
func findLoRA(dir, name string) (string, error) {
	for _, path := range []string{name, filepath.Join(dir, name), filepath.Join(dir, name+".safetensors")} {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && (path == name || filepath.Base(name) == name) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no LoRA %q, neither as a file nor in %s; `videosdgx models lora ls` lists them: %w", name, dir, errdefs.ErrNotFound)
}

// The exit statuses that tell a program what became of its LoRAs: they cannot be merged, which the sentence says without a path,
// or not now, since they change or are being merged by somebody else.
const (
	badLoRA  = 3
	busyLoRA = 75 // EX_TEMPFAIL of sysexits.h
)

// blame gives an error its exit status, and a LoRA's fault the sentence that is for whoever asked for it.
func blame(err error) error {
	var fault *lora.Fault
	switch {
	case errors.As(err, &fault) && errdefs.IsUnavailable(fault):
		return &ExitError{Code: busyLoRA, Err: fault}
	case errors.As(err, &fault):
		return &ExitError{Code: badLoRA, Err: fault}
	case errdefs.IsUnavailable(err):
		return &ExitError{Code: busyLoRA, Err: err}
	}
	return err
}

// derive builds what --lora asks for: the base where it is not there yet, and beside it the bundle that shares with it what
// no LoRA changes.
func (f *buildFlags) derive(cmd *cobra.Command, checkpoint string, recipe serve.Recipe) (builtBundle, error) {
	start, out := time.Now(), f.out
	if f.base == "" {
		f.base = filepath.Join(modelsDir(cmd), f.o.Name)
	}
	base, err := weights.ReadManifest(f.base)
	if err != nil {
		f.out = f.base
		if _, err := f.build(cmd, checkpoint, recipe); err != nil {
			return builtBundle{}, err
		}
	} else if f.o.Precision != "" && f.o.Precision != bundle.Auto && f.o.Precision != base.Precision {
		return builtBundle{}, usage(fmt.Errorf("%s is held in %s: a bundle with LoRAs is held as its base, so leave --quant out, or name another --base", f.base, base.Precision))
	}
	if a := f.o.Activations; err == nil && a != "" && a != bundle.Auto && base.Activations != "" && a != base.Activations {
		return builtBundle{}, usage(fmt.Errorf("%s computes in %s: a bundle with LoRAs computes as its base, so leave --activations out, or name another --base", f.base, base.Activations))
	}
	d, err := serve.Derive(cmd.Context(), checkpoint, f.base, recipe, f.merge, weights.VerifyOptions{})
	if err != nil {
		return builtBundle{}, blame(err)
	}
	defer d.Close()
	if out == "" {
		out = filepath.Join(modelsDir(cmd), f.o.Name+"."+d.Key()[:12])
	}
	if _, err := os.Stat(filepath.Dir(filepath.Clean(out))); err != nil {
		if err := os.MkdirAll(filepath.Dir(filepath.Clean(out)), 0o755); err != nil {
			return builtBundle{}, err
		}
	}
	if room := f.quota.room(out); room != nil {
		if err := room(1); err != nil { // how much it has of its own is known when it is there
			return builtBundle{}, err
		}
	}
	m, err := d.Build(cmd.Context(), out, f.o, weights.VerifyOptions{})
	if err != nil {
		return builtBundle{}, blame(err)
	}
	return builtBundle{Path: out, Name: m.Name, Family: m.Family, Digest: m.Digest, Files: len(m.Files), Bytes: m.Bytes(), Own: m.Own(), Derived: m.Derived, Precision: m.Precision, License: m.License,
		Seconds: float64(time.Since(start).Milliseconds()) / 1000}, nil
}
