package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// recipes make bundles, by the _class_name of a checkpoint's model_index.json.
var recipes = map[string]serve.Recipe{
	"WanPipeline":             wan21.Recipe,
	"WanImageToVideoPipeline": wan21.Recipe,
}

// builtBundle is what models build prints.
type builtBundle struct {
	Path    string  `json:"path"`
	Name    string  `json:"name"`
	Family  string  `json:"family"`
	Digest  string  `json:"digest"`
	Files   int     `json:"files"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

func (b builtBundle) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %s bundle %s, %d files, %s, %s in %.1f s\n", b.Path, b.Family, b.Name, b.Files, bytesText(b.Bytes), b.Digest, b.Seconds)
	return err
}

func newModelsBuildCmd() *cobra.Command {
	var out, name, precision string
	cmd := &cobra.Command{
		Use:   "build CHECKPOINT",
		Short: "Turn a checkpoint into a bundle",
		Long: `Turn the checkpoint in a folder (diffusers layout, safetensors of any type, sharded or not) into a bundle.

Graphs are built and optimised now, so that opening the bundle takes milliseconds; weights are laid out page-aligned, so
that they are mapped and never copied. Where the checkpoint has a SHA256SUMS file, as models pull writes it, every file is
held to it first. A bundle that is already there is replaced once the new one is complete.`,
		Example: `  videosdgx models build images/demo/wan21-tiny -o wan21-tiny.bundle
  videosdgx models build ./Wan2.1-T2V-1.3B-Diffusers --name wan-1.3b`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				abs, err := filepath.Abs(args[0])
				if err != nil {
					return err
				}
				name = filepath.Base(abs)
			}
			if strings.ContainsAny(name, `/\`) {
				return usage(fmt.Errorf("%q is not a model's name: it is that of a folder, without %q", name, '/'))
			}
			if err := aName("a model's name", name); err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(modelsDir(cmd), name)
			}
			built, err := buildBundle(cmd, args[0], out, bundle.Options{Name: name, Precision: precision})
			if err != nil {
				return err
			}
			return emit(cmd, built, built.print)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "folder of the bundle (default MODELS/NAME)")
	cmd.Flags().StringVar(&precision, "quant", "", "what weights are held as: "+strings.Join(bundle.Precisions(), ", ")+" (default: the model family's)")
	cmd.Flags().StringVar(&name, "name", "", "name of the model (default: the checkpoint folder's name)")
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func buildBundle(cmd *cobra.Command, checkpoint, out string, o bundle.Options) (builtBundle, error) {
	start := time.Now()
	class, err := checkpointClass(checkpoint)
	if err != nil {
		return builtBundle{}, err
	}
	recipe := recipes[class]
	if recipe == nil {
		return builtBundle{}, fmt.Errorf("%s is a %s; WanPipeline and WanImageToVideoPipeline can be built: %w", checkpoint, class, errdefs.ErrNotImplemented)
	}
	bars := newBars(cmd.ErrOrStderr())
	bar := bars.add(o.Name, 0)
	o.Progress = bar.set
	fmt.Fprintf(cmd.ErrOrStderr(), "building %s\n", out)
	m, err := serve.Build(cmd.Context(), checkpoint, out, recipe, o)
	bar.end(err == nil)
	bars.wait()
	if err != nil {
		return builtBundle{}, err
	}
	return builtBundle{Path: out, Name: m.Name, Family: m.Family, Digest: m.Digest, Files: len(m.Files), Bytes: m.Bytes(),
		Seconds: float64(time.Since(start).Milliseconds()) / 1000}, nil
}

// checkpointClass reads _class_name without opening the weights.
func checkpointClass(dir string) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("there is no checkpoint at %s; `videosdgx models pull` fetches one: %w", dir, errdefs.ErrNotFound)
	}
	return weights.Class(dir)
}

// bytesText writes a size in bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/unit, 0
	for v >= unit && i < 3 {
		v, i = v/unit, i+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGT"[i])
}
