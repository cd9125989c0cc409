package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/registry"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newDeployCmd) }

// deployFlags are the flags of deploy.
type deployFlags struct {
	image, name, alias string
	publish, remove    bool
}

func newDeployCmd() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy [FOLDER|function.yaml]",
		Short: "Register or update a function on the server",
		Long: `Register a function, or replace what it is: from a manifest (a folder with function.yaml, or the file), or from an image
alone with --name and --image. With both, --image and --name replace what the manifest says. The server validates it; a
mistake leaves what was there serving. --publish freezes the result as the next version, --alias points an alias at it.

Paths in a manifest are read on this machine and sent absolute: the server must see the same files.`,
		Example: `  videosdgx deploy functions/wan21
  videosdgx deploy --name echo --image localhost:5000/echo:2 --alias live
  videosdgx deploy --name echo --remove`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runDeploy(cmd, args, f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.image, "image", "", "OCI image; oci:PATH for a layout or archive, oci:PATH:TAG for one of several images in it")
	fs.StringVar(&f.name, "name", "", "the function's name")
	fs.BoolVar(&f.publish, "publish", false, "publish a version")
	fs.StringVar(&f.alias, "alias", "", "publish a version and point this alias at it")
	fs.BoolVar(&f.remove, "remove", false, "remove the function and all its versions")
	completesFlag(cmd, "name", functionNames)
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func runDeploy(cmd *cobra.Command, args []string, f deployFlags) error {
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	fn, err := f.function(args)
	if err != nil {
		return err
	}
	if f.remove {
		return undeploy(cmd, c, fn.Name)
	}
	if fn, err = c.Deploy(cmd.Context(), fn); err != nil {
		return err
	}
	if f.publish || f.alias != "" {
		if fn.Version, err = c.Publish(cmd.Context(), fn.Name); err != nil {
			return err
		}
	}
	if f.alias != "" {
		if err := c.SetAlias(cmd.Context(), fn.Name, f.alias, fn.Version); err != nil {
			return err
		}
	}
	return emit(cmd, fn, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s:%s deployed\ninvoke: videosdgx invoke %s\nurl:    %s\n", fn.Name, fn.Version, fn.Name, c.FunctionURL(fn.Name))
		return err
	})
}

// undeploy removes a function, and says where its manifest has stayed: nothing else tells why that does not serve.
func undeploy(cmd *cobra.Command, c *client.Client, name string) error {
	if err := c.Undeploy(cmd.Context(), name); err != nil {
		return err
	}
	if err := emitRemoved(cmd, "function "+name, name); err != nil {
		return err
	}
	all, _ := c.Functions(cmd.Context()) // it is gone: who may not list functions hears no more
	for _, f := range all {
		if f.Function.Name == name && f.Fault != "" {
			_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "note:", printable(f.Fault))
		}
	}
	return nil
}

// fromHere makes the path of a layout absolute: the server may run in another folder.
func fromHere(image string) (string, error) {
	path, ok := strings.CutPrefix(image, "oci:")
	if !ok {
		return image, nil
	}
	abs, err := filepath.Abs(path)
	return "oci:" + abs, err
}

// function is the manifest that the arguments name, with what the flags replace.
func (f deployFlags) function(args []string) (spec.Function, error) {
	var fn spec.Function
	if len(args) == 1 {
		path := args[0]
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			path = filepath.Join(path, "function.yaml")
		}
		var err error
		if fn, err = registry.Read(path); errors.Is(err, fs.ErrNotExist) {
			return fn, fmt.Errorf("there is no %s: name a folder with function.yaml, or begin one with 'videosdgx init NAME'", path)
		}
		if err != nil {
			return fn, err
		}
	}
	if f.image != "" {
		var err error
		if fn.Image, err = fromHere(f.image); err != nil {
			return fn, err
		}
	}
	if f.name != "" {
		fn.Name = f.name
	}
	switch {
	case fn.Name == "" && len(args) == 1:
		return fn, fmt.Errorf("%s: name is missing: write it there, or give --name", args[0])
	case fn.Name == "":
		return fn, usage(errors.New("which function? name a folder with function.yaml, or give --name and --image"))
	case len(args) == 0 && f.image == "" && !f.remove:
		return fn, usage(errors.New("--image is missing: name an OCI image, or a folder with function.yaml"))
	}
	return fn, aName("a function's name", fn.Name)
}
