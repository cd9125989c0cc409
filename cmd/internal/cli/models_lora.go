package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"
)

func newModelsLoRACmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lora",
		Short: "List, inspect and remove LoRAs",
		Long: `A LoRA is a safetensors file that changes what a model has learnt: a style, a subject, or how few steps it needs. Files in
the folder "loras" of the models folder are known by their names: to a request's "loras", and to models build --lora.

A LoRA is merged into the weights before they are quantized, and the result is a derived bundle: it stores the weights that
change, and shares all others with the bundle of the plain model. What requests have asked for is kept in the folder
"derived" of the models folder, the least recently used go first when it grows past serve --loraCache.`,
		Example: `  cp striped.safetensors /var/lib/videosdgx/models/loras/
  videosdgx models lora inspect striped --model ./wan21-tiny
  videosdgx models build ./wan21-tiny --lora striped:0.8
  curl localhost:9000/fn/wan21/ --json '{"prompt":"a striped circle","loras":[{"name":"striped","strength":0.8}]}'`,
	}
	cmd.AddCommand(newLoRALsCmd(), newLoRAInspectCmd(), newLoRARmCmd())
	return cmd
}

func newLoRARmCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm LORA",
		Short: "Remove a LoRA and the cached bundles that have it",
		Long: `Remove a LoRA from the folder "loras" of the models folder, and every cached bundle that it is merged into. Bundles that
models build has made elsewhere stay: models rm removes them.`,
		Example:           "  videosdgx models lora rm striped",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: loraNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := removeLoRA(lorasDir(cmd), derivedDir(cmd), args[0])
			if err != nil {
				return err
			}
			return emit(cmd, r, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "removed %s (%s)\n", r.Path, bytesText(r.Bytes))
				return err
			})
		},
	}
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

// removeLoRA removes a file of the folder alone: one elsewhere is somebody's own.
func removeLoRA(dir, cache, name string) (removed, error) {
	name = strings.TrimSuffix(name, ".safetensors")
	path := filepath.Join(dir, name+".safetensors")
	st, err := os.Stat(path)
	if err != nil || filepath.Base(name) != name {
		return removed{}, fmt.Errorf("there is no LoRA %q in %s; `videosdgx models lora ls` lists them: %w", name, dir, errdefs.ErrNotFound)
	}
	r := removed{Path: path, Bytes: st.Size()}
	if err := os.Remove(path); err != nil {
		return r, fmt.Errorf("cannot remove the LoRA: %w", err)
	}
	for _, d := range cachedBundles(cache) {
		for _, l := range d.LoRAs {
			if l.Name == name {
				if _, err := removeModel(d.Path); err != nil {
					return r, err
				}
				r.Bytes += d.Bytes
				break
			}
		}
	}
	return r, nil
}

// loraNames completes the names of LoRAs in the models folder, and files.
func loraNames(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return loraCompletions(cmd, word), cobra.ShellCompDirectiveDefault
}

func loraCompletions(cmd *cobra.Command, word string) (fit []cobra.Completion) {
	entries, _ := os.ReadDir(lorasDir(cmd)) // none, if it is not there
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".safetensors"); ok && strings.HasPrefix(name, word) {
			fit = append(fit, name)
		}
	}
	return fit
}
