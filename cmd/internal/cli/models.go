package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"
)

func init() { commands = append(commands, newModelsCmd) }

func newModelsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "Download, build, plan, check and list models",
		Long: `A model comes as a checkpoint, a folder in the layout of Hugging Face's diffusers, and is served as a bundle: graphs
that were optimised when the bundle was built, weights in page-aligned files that are mapped into memory, and a bundle.json
with the digest of every file.

  videosdgx models pull Wan-AI/Wan2.1-T2V-1.3B-Diffusers -o wan
  videosdgx models build wan -o /var/lib/videosdgx/models/wan

A function names its bundle in function.yaml; a bundle in the models folder (--models) may be named by its folder's name.`,
	}
	cmd.AddCommand(newModelsBuildCmd(), newModelsPlanCmd(), newModelsPullCmd(), newModelsLsCmd(), newModelsVerifyCmd(), newModelsInspectCmd(), newModelsRmCmd(), newModelsLoRACmd(), newModelsRandomCmd(), newModelsTinyCmd())
	return cmd
}

// modelPath is the folder of a model given as a path, or as a name in the models folder.
func modelPath(cmd *cobra.Command, arg string) (string, error) {
	named := filepath.Join(modelsDir(cmd), arg)
	for _, dir := range []string{arg, named} {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			if dir == arg || !strings.ContainsRune(arg, filepath.Separator) {
				return dir, nil
			}
		}
	}
	return "", fmt.Errorf("there is no model %q, neither as a folder nor in %s; `videosdgx models ls` lists them: %w", arg, modelsDir(cmd), errdefs.ErrNotFound)
}
