package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// inspected is what models inspect prints.
type inspected struct {
	Path     string            `json:"path"`
	Kind     string            `json:"kind"` // "bundle", "checkpoint" or "safetensors"
	Manifest *weights.Manifest `json:"manifest,omitempty"`
	Class    string            `json:"class,omitempty"`
	Tensors  []tensorLine      `json:"tensors,omitempty"`
	Notes    []string          `json:"notes,omitempty"` // what is odd and harms nothing unless it is used
}

type tensorLine struct {
	Component string        `json:"component,omitempty"`
	Name      string        `json:"name"`
	DType     weights.DType `json:"dtype"`
	Shape     []int64       `json:"shape"`
	Bytes     int64         `json:"bytes"`
}

func newModelsInspectCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "Show what a bundle, a checkpoint or a safetensors file holds",
		Long: "Show a bundle's manifest and files, or every tensor of a checkpoint or of one safetensors file. Weights are not read.\n" +
			"What is odd and harms nothing unless it is used, such as a tensor of an unknown type, is noted.",
		Example: `  videosdgx models inspect wan21-tiny
  videosdgx models inspect ./checkpoint
  videosdgx models inspect vae/diffusion_pytorch_model.safetensors --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: bundleNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := inspect(cmd, args[0])
			if err != nil {
				return err
			}
			return emit(cmd, v, v.print)
		},
	}
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func inspect(cmd *cobra.Command, arg string) (*inspected, error) {
	if st, err := os.Stat(arg); err == nil && st.Mode().IsRegular() {
		f, err := weights.Open(arg)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		v := &inspected{Path: arg, Kind: "safetensors", Notes: f.Notes()}
		return v, v.addTensors("", f.Names(), f.Info)
	}
	dir, err := modelPath(cmd, arg)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, weights.ManifestName)); err == nil {
		m, err := weights.ReadManifest(dir)
		return &inspected{Path: dir, Kind: "bundle", Manifest: &m}, err
	}
	return inspectCheckpoint(dir)
}

func inspectCheckpoint(dir string) (*inspected, error) {
	c, err := weights.InspectCheckpoint(dir)
	if err != nil {
		return nil, fmt.Errorf("%s is neither a bundle nor a checkpoint: %w: %w", dir, err, errdefs.ErrInvalidArgument)
	}
	defer c.Close()
	v := &inspected{Path: dir, Kind: "checkpoint", Class: c.Class}
	var names []string
	for name := range c.Components {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		comp := c.Components[name]
		if err := v.addTensors(name, comp.Names(), comp.Info); err != nil {
			return nil, err
		}
		for _, n := range comp.Notes() {
			v.Notes = append(v.Notes, name+"/"+n)
		}
	}
	return v, nil
}

func (v *inspected) addTensors(component string, names []string, info func(string) (weights.Info, error)) error {
	for _, n := range names {
		i, err := info(n)
		if err != nil {
			return err
		}
		v.Tensors = append(v.Tensors, tensorLine{component, n, i.DType, i.Shape, i.Size})
	}
	return nil
}

func (v *inspected) print(w io.Writer) error {
	var rows [][]string
	if m := v.Manifest; m != nil {
		fmt.Fprintf(w, "%s: %s bundle %s%s, %d files, %s\n%s\n%s\n", v.Path, m.Family, m.Name, held(m.Precision), len(m.Files), bytesText(m.Bytes()), m.Digest, toAccept(m.License))
		for _, f := range m.Files {
			rows = append(rows, []string{f.Path, bytesText(f.Size), short(f.Digest)})
		}
		return table(w, []string{"file", "size", "digest"}, rows)
	}
	total := int64(0)
	for _, t := range v.Tensors {
		rows = append(rows, []string{t.Component, t.Name, string(t.DType), fmt.Sprint(t.Shape), bytesText(t.Bytes)})
		total += t.Bytes
	}
	fmt.Fprintf(w, "%s: %s %s, %d tensors, %s\n\n", v.Path, v.Kind, v.Class, len(v.Tensors), bytesText(total))
	for _, n := range v.Notes {
		fmt.Fprintf(w, "note: %s\n", printable(n))
	}
	return table(w, []string{"component", "tensor", "type", "shape", "size"}, rows)
}
