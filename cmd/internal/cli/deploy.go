package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

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
	fs.StringVar(&f.image, "image", "", "OCI image, oci:DIRECTORY for a layout")
	fs.StringVar(&f.name, "name", "", "the function's name")
	fs.BoolVar(&f.publish, "publish", false, "publish a version")
	fs.StringVar(&f.alias, "alias", "", "publish a version and point this alias at it")
	fs.BoolVar(&f.remove, "remove", false, "remove the function and all its versions")
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
	path := "/api/v1/functions/" + url.PathEscape(fn.Name)
	if f.remove {
		if err := c.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
			return err
		}
		return emitRemoved(cmd, "function "+fn.Name, fn.Name)
	}
	if err := c.call(cmd.Context(), http.MethodPut, path, fn, &fn); err != nil {
		return err
	}
	if f.publish || f.alias != "" {
		if fn.Version, err = publish(cmd, c, fn.Name); err != nil {
			return err
		}
	}
	if f.alias != "" {
		if err := pointAlias(cmd, c, fn.Name, f.alias, fn.Version); err != nil {
			return err
		}
	}
	return emit(cmd, fn, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s:%s deployed\ninvoke: videosdgx invoke %s\nurl:    %s/fn/%s/\n", fn.Name, fn.Version, fn.Name, c.base, fn.Name)
		return err
	})
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
		if fn, err = registry.Read(path); err != nil {
			return fn, err
		}
	}
	if f.image != "" {
		fn.Image = f.image
	}
	if f.name != "" {
		fn.Name = f.name
	}
	switch {
	case fn.Name == "" && len(args) == 1:
		return fn, fmt.Errorf("%s: name is missing: write it there, or give --name", args[0])
	case fn.Name == "":
		return fn, errors.New("which function? name a folder with function.yaml, or give --name and --image")
	case len(args) == 0 && f.image == "" && !f.remove:
		return fn, errors.New("--image is missing: name an OCI image, or a folder with function.yaml")
	}
	return fn, aName("a function's name", fn.Name)
}

func publish(cmd *cobra.Command, c *client, name string) (string, error) {
	var out struct{ Version string }
	err := c.call(cmd.Context(), http.MethodPost, "/2015-03-31/functions/"+url.PathEscape(name)+"/versions", struct{}{}, &out)
	return out.Version, err
}

// pointAlias makes an alias or moves it.
func pointAlias(cmd *cobra.Command, c *client, name, alias, version string) error {
	base := "/2015-03-31/functions/" + url.PathEscape(name) + "/aliases"
	in := map[string]any{"Name": alias, "FunctionVersion": version}
	err := c.call(cmd.Context(), http.MethodPut, base+"/"+url.PathEscape(alias), in, nil)
	var se *serverError
	if errors.As(err, &se) && se.Status == http.StatusNotFound {
		return c.call(cmd.Context(), http.MethodPost, base, in, nil)
	}
	return err
}
