package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func newLoRARmCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm LORA",
		Short: "Remove a LoRA and the cached bundles that have it",
		Long: `Remove a LoRA from the folder "loras" of the models folder, and every cached bundle that it is merged into. Instances that
serve such a bundle are ended, after what they are answering, where the server of that folder runs. Bundles that models
build has made elsewhere stay: models rm removes them.`,
		Example:           "  videosdgx models lora rm striped",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: loraNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := removeLoRA(lorasDir(cmd), derivedDir(cmd), args[0])
			if err != nil {
				return err
			}
			said := endServing(cmd, &r)
			return errors.Join(emit(cmd, r, r.print), said)
		},
	}
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

// removedLoRA is what models lora rm prints.
type removedLoRA struct {
	removed
	Instances []string `json:"instances,omitempty"` // that served it, and have been told to end

	keys map[string]bool // of the bundles that went
}

func (r removedLoRA) print(w io.Writer) error {
	fmt.Fprintf(w, "removed %s (%s)\n", r.Path, bytesText(r.Bytes))
	if len(r.Instances) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "ended what served it, after its last answer: %s\n", strings.Join(r.Instances, ", "))
	return err
}

// removeLoRA removes a file of the folder alone: one elsewhere is somebody's own.
func removeLoRA(dir, cache, name string) (removedLoRA, error) {
	name = strings.TrimSuffix(name, ".safetensors")
	path := filepath.Join(dir, name+".safetensors")
	st, err := os.Lstat(path)
	if err != nil || filepath.Base(name) != name {
		return removedLoRA{}, fmt.Errorf("there is no LoRA %q in %s; `videosdgx models lora ls` lists them: %w", name, dir, errdefs.ErrNotFound)
	}
	r := removedLoRA{removed: removed{Path: path, Bytes: st.Size()}, keys: map[string]bool{}}
	if err := os.Remove(path); err != nil {
		return r, fmt.Errorf("cannot remove the LoRA: %w", err)
	}
	for _, d := range cachedBundles(cache) {
		for _, l := range d.LoRAs {
			if l.Name == name {
				if _, err := removeModel(d.Path); err != nil {
					return r, err
				}
				r.keys[filepath.Base(d.Path)] = true
				r.Bytes += d.Bytes
				break
			}
		}
	}
	return r, nil
}

// endServing ends the instances that have a removed bundle open, where the server of this folder of models runs; where none
// answers, none is to be ended.
func endServing(cmd *cobra.Command, r *removedLoRA) error {
	if len(r.keys) == 0 {
		return nil
	}
	c, err := newClient(cmd)
	if err != nil || !here(c) {
		return nil //nolint:nilerr // a server elsewhere has a folder of its own
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), answering)
	defer cancel()
	about, err := c.About(ctx)
	if err != nil || !sameFolder(about.Models, modelsDir(cmd)) {
		return nil //nolint:nilerr // nothing runs
	}
	all, err := c.Instances(ctx, "")
	if err != nil {
		return fmt.Errorf("the LoRA is gone, but what still serves it cannot be seen: %w", err)
	}
	var errs []error
	for _, i := range all {
		if !r.serves(i) {
			continue
		}
		if err := c.StopInstance(cmd.Context(), i.ID); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("the LoRA is gone, but instance %s serves it until it ends (`videosdgx ps --stop %s`): %w", i.ID, i.ID, err))
			continue
		}
		r.Instances = append(r.Instances, i.ID)
	}
	return errors.Join(errs...)
}

// serves says whether an instance has one of the removed bundles open.
func (r removedLoRA) serves(i spec.InstanceStatus) bool {
	key, ok := strings.CutPrefix(i.Version, spec.LoRAVersion)
	return ok && r.keys[key]
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
