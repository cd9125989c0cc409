package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/lora"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
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
			return emit(cmd, map[string]any{"folder": lorasDir(cmd), "loras": list}, func(w io.Writer) error {
				if fmt.Fprintf(cmd.ErrOrStderr(), "LoRAs in %s\n", lorasDir(cmd)); len(list) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "none: put their files there")
				}
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
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".safetensors") {
			continue
		}
		l := describeLoRA(filepath.Join(dir, e.Name()))
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

func describeLoRA(path string) listedLoRA {
	l := listedLoRA{Name: bundle.LoRAName(path), Path: path}
	f, err := lora.Open(path)
	if err != nil {
		l.Error = err.Error()
		return l
	}
	defer f.Close()
	l.Layout, l.Ranks, l.Modules, l.Bytes = string(f.Layout()), f.Ranks(), len(f.Modules()), f.Bytes()
	return l
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
	v := &inspectedLoRA{listedLoRA: describeLoRA(path), Changes: f.Modules(), Metadata: f.Metadata()}
	if v.Digest, err = lora.Digest(path); err != nil || model == "" {
		return v, err
	}
	v.Fits, err = fitsModel(path, model)
	return v, err
}

func fitsModel(path, model string) ([]weights.LoRA, error) {
	recipe, err := recipeFor(model)
	if err != nil {
		return nil, err
	}
	c, err := weights.InspectCheckpoint(model)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r, err := recipe(c)
	if err != nil {
		return nil, err
	}
	m, err := bundle.Merge(r, []bundle.LoRA{{Path: path, Strength: 1}})
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
