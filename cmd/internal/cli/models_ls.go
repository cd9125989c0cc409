package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// listedModel is one line of models ls.
type listedModel struct {
	Name   string         `json:"name"` // of the folder
	Model  string         `json:"model,omitempty"`
	Family string         `json:"family,omitempty"`
	Digest string         `json:"digest,omitempty"`
	Bytes  int64          `json:"bytes"`
	Own    int64          `json:"own_bytes,omitempty"` // of a bundle with LoRAs: what it does not share with its base
	LoRAs  []weights.LoRA `json:"loras,omitempty"`
	Path   string         `json:"path"`
	Error  string         `json:"error,omitempty"` // why it cannot be served
}

func newModelsLsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the bundles in the models folder",
		Long:    "List the bundles in the models folder. Only manifests are read: `models verify` checks the files.",
		Example: `  videosdgx models ls
  videosdgx models ls --models /srv/videosdgx/models --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := modelsDir(cmd)
			list, err := listModels(dir)
			if err != nil {
				return err
			}
			empty := "models in " + dir + ": none; name another folder with --models, or see 'videosdgx models --help' for how to get one"
			return emitList(cmd, map[string]any{"folder": dir, "models": list}, len(list), empty, func(w io.Writer) error {
				fmt.Fprintf(cmd.ErrOrStderr(), "models in %s\n", dir)
				return printModels(w, list)
			})
		},
	}
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func listModels(dir string) ([]listedModel, error) {
	list := []listedModel{}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list models: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Stat(filepath.Join(path, weights.ManifestName)); err != nil {
			continue
		}
		l := listedModel{Name: e.Name(), Path: path}
		if m, err := weights.ReadManifest(path); err != nil {
			l.Error = err.Error()
		} else {
			l.Model, l.Family, l.Digest, l.Bytes = m.Name, m.Family, m.Digest, m.Bytes()
			if m.Derived != nil {
				l.Own, l.LoRAs = m.Own(), m.Derived.LoRAs
			}
		}
		list = append(list, l)
	}
	return list, nil
}

func printModels(w io.Writer, list []listedModel) error {
	var rows [][]string
	for _, l := range list {
		state := "ok"
		if l.Error != "" {
			state = l.Error
		}
		rows = append(rows, []string{l.Name, l.Family, bytesText(l.Bytes), short(l.Digest), state})
	}
	return table(w, []string{"name", "family", "size", "digest", "manifest"}, rows)
}

// short is the beginning of a digest, enough to tell two apart.
func short(digest string) string {
	const prefix, keep = len("sha256:"), 12
	if len(digest) < prefix+keep {
		return digest
	}
	return digest[prefix : prefix+keep]
}
