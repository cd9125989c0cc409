package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// removed is what models rm prints.
type removed struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"` // freed
}

func newModelsRmCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm MODEL",
		Short: "Remove a bundle",
		Long: `Remove a bundle's folder. Only a folder with a bundle.json is removed. An instance that has the bundle open keeps what it
has mapped until it ends; a function that names it cannot start again.`,
		Example:           "  videosdgx models rm wan21-tiny",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: bundleNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := modelPath(cmd, args[0])
			if err != nil {
				return err
			}
			r, err := removeModel(dir)
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

// removeModel takes the manifest away first: half a bundle is then no bundle.
func removeModel(dir string) (removed, error) {
	manifest := filepath.Join(dir, weights.ManifestName)
	if _, err := os.Stat(manifest); err != nil {
		return removed{}, fmt.Errorf("%s is no bundle and is left alone: %w", dir, errdefs.ErrFailedPrecondition)
	}
	r := removed{Path: dir}
	var err error
	if r.Bytes, err = folderBytes(dir); err == nil {
		err = os.Remove(manifest)
	}
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return r, fmt.Errorf("cannot remove the bundle: %w", err)
	}
	return r, nil
}
