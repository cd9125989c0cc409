package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

func newLoRAInspectCmd() *cobra.Command {
	var model string
	cmd := &cobra.Command{
		Use:   "inspect LORA",
		Short: "Show what a LoRA changes, and whether it fits a model",
		Long: `Show a LoRA's layout, its ranks and the modules that it changes. With --model, a checkpoint, say whether it fits: every
module is found there and its factors have the right size, or one sentence says what is wrong.`,
		Example: `  videosdgx models lora inspect striped
  videosdgx models lora inspect ./wan_lora.safetensors --model ./Wan2.1-T2V-14B-Diffusers --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: loraNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := inspectLoRA(cmd, args[0], model)
			if err != nil {
				return err
			}
			return emit(cmd, v, v.print)
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "a checkpoint to hold it to")
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

// inspectedLoRA is what models lora inspect prints.
type inspectedLoRA struct {
	listedLoRA
	Digest   string            `json:"digest"`
	Changes  []string          `json:"changes"` // modules, by the file's own names
	Metadata map[string]string `json:"metadata,omitempty"`
	Fits     []weights.LoRA    `json:"fits,omitempty"` // the components of --model
}

func inspectLoRA(cmd *cobra.Command, arg, model string) (*inspectedLoRA, error) {
	path, err := findLoRA(lorasDir(cmd), arg)
	if err != nil {
		return nil, err
	}
	f, err := lora.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := &inspectedLoRA{listedLoRA: describeLoRA(f), Changes: f.Modules(), Metadata: f.Metadata()}
	if v.Digest, _, err = f.Identity(cmd.Context()); err != nil || model == "" {
		return v, err
	}
	v.Fits, err = fitsModel(cmd.Context(), path, model)
	return v, err
}

func fitsModel(ctx context.Context, path, model string) ([]weights.LoRA, error) {
	family, err := familyOf(model)
	if err != nil {
		return nil, err
	}
	c, err := weights.InspectCheckpoint(model)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r, err := family.Recipe(c)
	if err != nil {
		return nil, err
	}
	m, err := bundle.Merge(ctx, r, []bundle.LoRA{{Path: path, Strength: 1}})
	if err != nil {
		return nil, err
	}
	return m.LoRAs, m.Close()
}

func (v *inspectedLoRA) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s LoRA, rank %s, %d modules, %s\n%s\n", v.Path, v.Layout, ranksText(v.Ranks), v.Modules, bytesText(v.Bytes), v.Digest)
	for _, fit := range v.Fits {
		fmt.Fprintf(w, "it fits the model, as a change of its %s\n", fit.Component)
	}
	var rows [][]string
	for _, m := range v.Changes {
		rows = append(rows, []string{m})
	}
	return table(w, []string{"module"}, rows)
}
