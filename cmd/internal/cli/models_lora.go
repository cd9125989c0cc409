package cli

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

func newModelsLoRACmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lora",
		Short: "List, inspect and remove LoRAs",
		Long: `A LoRA is a safetensors file that changes what a model has learnt: a style, a subject, or how few steps it needs. Files in
the folder "loras" of the models folder are known by their names: to a request's "loras", and to models build --lora.

Only regular files, or symbolic links to some, are LoRAs; one that is written to anew is another LoRA.

A LoRA is merged into the weights before they are quantized, and the result is a derived bundle: it stores the weights that
change, and shares all others with the bundle of the plain model. What requests have asked for is kept in the folder
"derived" of the models folder, the least recently used go first when it grows past serve --lora-cache.`,
		Example: `  cp striped.safetensors /var/lib/videosdgx/models/loras/
  videosdgx models lora inspect striped --model ./wan21-tiny
  videosdgx models build ./wan21-tiny --lora striped:0.8
  videosdgx generate "a big striped red circle moving right on a navy background" --lora striped:0.8`,
	}
	cmd.AddCommand(newLoRALsCmd(), newLoRAInspectCmd(), newLoRARmCmd())
	return cmd
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
		if name, ok := strings.CutSuffix(e.Name(), ".safetensors"); ok && strings.HasPrefix(name, word) && weights.IsRegular(filepath.Join(lorasDir(cmd), e.Name())) {
			fit = append(fit, name)
		}
	}
	return fit
}
