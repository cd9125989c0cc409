package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// verified is what models verify prints.
type verified struct {
	Path        string `json:"path"`
	Kind        string `json:"kind"` // "bundle" or "checkpoint"
	Files       int    `json:"files"`
	Bytes       int64  `json:"bytes,omitempty"`
	Digest      string `json:"digest,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
}

func newModelsVerifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify MODEL",
		Short: "Read every file of a model and check its digest",
		Long: `Read every file of a bundle, and hold it to bundle.json; or of a checkpoint, and hold it to SHA256SUMS. The error names
the file, the digest that was expected and the one that was found.

Starting a function does not read a bundle that was verified before and has not been written to since (inode, size,
modification and change time are as they were). Damage below the file system is found only by this command.`,
		Example: `  videosdgx models verify wan21-tiny
  videosdgx models verify ./checkpoint --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: bundleNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := modelPath(cmd, args[0])
			if err != nil {
				return err
			}
			v, err := verifyModel(cmd, dir)
			if err != nil {
				return err
			}
			return emit(cmd, v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s: %d files of the %s are what they should be\n", v.Path, v.Files, v.Kind)
				return err
			})
		},
	}
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func verifyModel(cmd *cobra.Command, dir string) (verified, error) {
	if _, err := os.Stat(filepath.Join(dir, weights.ManifestName)); err == nil {
		return verifyBundle(cmd, dir)
	}
	n, err := weights.CountSums(dir)
	if errors.Is(err, os.ErrNotExist) {
		return verified{}, fmt.Errorf("%s has neither %s nor %s: there is nothing to hold it to; pull or build it: %w",
			dir, weights.ManifestName, weights.SumsName, errdefs.ErrFailedPrecondition)
	}
	if err == nil {
		err = weights.VerifySums(cmd.Context(), dir)
	}
	return verified{Path: dir, Kind: "checkpoint", Files: n}, err
}

func verifyBundle(cmd *cobra.Command, dir string) (verified, error) {
	bars := newBars(cmd.ErrOrStderr())
	bar := bars.add(filepath.Base(dir), 0)
	b, err := weights.OpenBundle(cmd.Context(), dir, weights.VerifyOptions{Full: true, Progress: bar.set})
	bar.end(err == nil)
	bars.wait()
	if err != nil {
		return verified{}, err
	}
	return verified{Path: dir, Kind: "bundle", Files: len(b.Files), Bytes: b.Bytes(), Digest: b.Manifest.Digest, Fingerprint: b.Fingerprint}, nil
}
