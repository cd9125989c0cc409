package cli

import (
	"fmt"
	"io"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/images/builder"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newImageCmd) }

func newImageCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "image", Short: "Build function images without Docker"}
	cmd.AddCommand(newImageBuildCmd())
	return cmd
}

// builtImage is what image build prints.
type builtImage struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
	Layers int    `json:"layers"`
	Layout string `json:"layout,omitempty"`
	Pushed string `json:"pushed,omitempty"`
	Import string `json:"imported,omitempty"` // socket of the containerd that has it now
}

func newImageBuildCmd() *cobra.Command {
	var opts builder.Options
	var out, push, socket string
	var load bool
	cmd := &cobra.Command{
		Use:   "build FOLDER",
		Short: "Assemble an OCI image from a folder's image.yaml",
		Long: `Assemble a function's OCI image from files of this machine: the function's program, the closure of its shared
libraries, ONNX Runtime, ffmpeg, CA certificates and an unprivileged user, as the folder's image.yaml lists them.

The image is written as an OCI layout, which a manifest names as "image: oci:DIR". With --import it is also unpacked in
containerd, where a manifest names it by its own name. With --push it also goes to a registry, with the credentials that
docker login has left. The same input files give the same digest, and images share the layers they have in common.`,
		Example: `  videosdgx image build images/wan21
  videosdgx image build images/wan21 --output /srv/images/wan21
  videosdgx image build images/wan21 --import
  videosdgx image build images/wan21 --containerd /run/k3s/containerd/containerd.sock
  videosdgx image build images/wan21 --push localhost:5000/wan21:v1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := filepath.Abs(args[0]) // "." has a name, too
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(".build", "images", filepath.Base(folder))
			}
			recipe, img, err := buildImage(cmd, folder, out, opts)
			if err != nil {
				return err
			}
			if push != "" {
				if err := builder.Push(img, push); err != nil {
					return err
				}
			}
			if load = load || socket != ""; load {
				if socket, err = importImage(cmd, socket, out, recipe.Name); err != nil {
					return err
				}
			}
			built, err := describe(recipe.Name, img)
			if err != nil {
				return err
			}
			built.Layout, built.Pushed, built.Import = out, push, socket
			return emit(cmd, built, built.print)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "folder of the OCI layout (default .build/images/NAME)")
	cmd.Flags().StringVar(&push, "push", "", "also push the image to this registry reference")
	cmd.Flags().BoolVar(&load, "import", false, "also import the image into containerd")
	cmd.Flags().StringVar(&socket, "containerd", "", "socket of the containerd to import into, implies --import (default: the system's)")
	cmd.Flags().StringVar(&opts.Bin, "bin", "", "folder of the built programs (default: this program's own)")
	cmd.Flags().StringVar(&opts.Prefix, "prefix", "", "folder of VideosDGX's own libraries (default /usr/local/lib/videosdgx)")
	addJSONFlag(cmd)
	return cmd
}

// buildImage assembles an image and writes its layout, with a bar on a terminal.
func buildImage(cmd *cobra.Command, folder, out string, opts builder.Options) (*builder.Recipe, v1.Image, error) {
	bars := newBars(cmd.ErrOrStderr())
	defer bars.wait()
	bar := bars.add(filepath.Base(folder), 0)
	opts.Progress = bar.set
	recipe, img, err := builder.Build(cmd.Context(), folder, opts)
	if err == nil {
		err = builder.WriteLayout(img, recipe.Name, out)
	}
	bar.end(err == nil)
	return recipe, img, err
}

// importImage unpacks a layout in containerd, with a bar on a terminal.
func importImage(cmd *cobra.Command, socket, layout, name string) (string, error) {
	bars := newBars(cmd.ErrOrStderr())
	defer bars.wait()
	bar := bars.add("import", 0)
	socket, err := daemon.ImportImage(cmd.Context(), socket, layout, name, func(s spec.StartStep) {
		if s.Phase == spec.PhaseUnpack { // the import before it is short
			bar.set(s.Done, s.Total)
		}
	})
	bar.end(err == nil)
	return socket, err
}

func describe(name string, img v1.Image) (builtImage, error) {
	b := builtImage{Name: name}
	h, err := img.Digest()
	if err != nil {
		return b, err
	}
	m, err := img.Manifest()
	if err != nil {
		return b, err
	}
	b.Digest, b.Layers = h.String(), len(m.Layers)
	for _, l := range m.Layers {
		b.Bytes += l.Size
	}
	return b, nil
}

func (b builtImage) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s  %d layers, %.1f MB\n%s\nlayout: %s\n", b.Name, b.Layers, float64(b.Bytes)/1e6, b.Digest, b.Layout)
	if err == nil && b.Pushed != "" {
		_, err = fmt.Fprintf(w, "pushed: %s\n", b.Pushed)
	}
	if err == nil && b.Import != "" {
		_, err = fmt.Fprintf(w, "imported: %s as %s\n", b.Import, b.Name)
	}
	return err
}
