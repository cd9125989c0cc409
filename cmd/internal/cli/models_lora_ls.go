package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// listedLoRA is one line of models lora ls.
type listedLoRA struct {
	Name    string    `json:"name"`
	Layout  string    `json:"layout,omitempty"`
	Ranks   []int64   `json:"ranks,omitempty"`
	Modules int       `json:"modules,omitempty"`
	Bytes   int64     `json:"bytes"`
	Path    string    `json:"path"`
	Merged  []derived `json:"merged,omitempty"` // cached bundles that have it
	Error   string    `json:"error,omitempty"`
}

// derived is a cached bundle.
type derived struct {
	Path  string         `json:"path"`
	Bytes int64          `json:"bytes"` // of its own
	Base  string         `json:"base"`  // digest
	LoRAs []weights.LoRA `json:"loras"`
	Used  time.Time      `json:"used"`
}

func newLoRALsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the LoRAs in the models folder",
		Long:    "List the LoRAs in the folder \"loras\" of the models folder, and in how many cached bundles each is merged. Only headers are read.",
		Example: "  videosdgx models lora ls --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := listLoRAs(lorasDir(cmd), derivedDir(cmd))
			if err != nil {
				return err
			}
			empty := fmt.Sprintf("no LoRAs in %s: put a .safetensors file there, and 'videosdgx models lora inspect NAME' says what it changes and whether it fits a model", lorasDir(cmd))
			return emitList(cmd, map[string]any{"folder": lorasDir(cmd), "loras": list}, len(list), empty, func(w io.Writer) error {
				fmt.Fprintf(cmd.ErrOrStderr(), "LoRAs in %s\n", lorasDir(cmd))
				return printLoRAs(w, list)
			})
		},
	}
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func derivedDir(cmd *cobra.Command) string {
	return filepath.Join(modelsDir(cmd), bundle.DerivedFolder)
}

func listLoRAs(dir, cache string) ([]listedLoRA, error) {
	list := []listedLoRA{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot list LoRAs: %w", err)
	}
	cached := cachedBundles(cache)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".safetensors") {
			continue
		}
		l := listLoRA(filepath.Join(dir, e.Name()))
		for _, d := range cached {
			for _, in := range d.LoRAs {
				if in.Name == l.Name {
					l.Merged = append(l.Merged, d)
					break
				}
			}
		}
		list = append(list, l)
	}
	return list, nil
}

// listLoRA describes one of which a file that is none says why.
func listLoRA(path string) listedLoRA {
	f, err := lora.Open(path)
	if err != nil {
		return listedLoRA{Name: bundle.LoRAName(path), Path: path, Error: err.Error()}
	}
	defer f.Close()
	return describeLoRA(f)
}

func describeLoRA(f *lora.File) listedLoRA {
	return listedLoRA{Name: bundle.LoRAName(f.Path()), Path: f.Path(), Layout: string(f.Layout()), Ranks: f.Ranks(), Modules: len(f.Modules()), Bytes: f.Bytes()}
}

func cachedBundles(cache string) (all []derived) {
	entries, _ := os.ReadDir(cache) // none, if it is not there
	for _, e := range entries {
		dir := filepath.Join(cache, e.Name())
		m, err := weights.ReadManifest(dir)
		if err != nil || m.Derived == nil {
			continue
		}
		d := derived{Path: dir, Bytes: m.Own(), Base: m.Derived.Base, LoRAs: m.Derived.LoRAs}
		if st, err := os.Stat(dir); err == nil {
			d.Used = st.ModTime()
		}
		all = append(all, d)
	}
	return all
}

func printLoRAs(w io.Writer, list []listedLoRA) error {
	var rows [][]string
	for _, l := range list {
		state := "ok"
		if l.Error != "" {
			state = l.Error
		}
		rows = append(rows, []string{l.Name, l.Layout, ranksText(l.Ranks), fmt.Sprint(l.Modules), bytesText(l.Bytes), fmt.Sprint(len(l.Merged)), state})
	}
	return table(w, []string{"name", "layout", "rank", "modules", "size", "merged", "file"}, rows)
}

func ranksText(ranks []int64) string {
	text := make([]string, len(ranks))
	for i, r := range ranks {
		text[i] = fmt.Sprint(r)
	}
	return strings.Join(text, ", ")
}
