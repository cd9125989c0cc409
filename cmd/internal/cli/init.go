package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/manual"
)

func init() { commands = append(commands, newInitCmd) }

// inContainer is what a server needs first that runs no plain processes.
const inContainer = "# where the server runs containers, first: videosdgx image build %[1]s -o %[1]s/image\n" +
	"# and in %[1]s/function.yaml, in place of command: image: oci:image\n"

// nextSteps are what to do with a new function, by language.
var nextSteps = map[string]string{
	"go":     "(cd %[1]s && go mod tidy && CGO_ENABLED=0 go build -o bootstrap .)\n" + inContainer + "videosdgx deploy %[1]s && videosdgx invoke %[2]s -p '{\"name\": \"Ana\"}'",
	"image":  "(cd %[1]s && mkdir image && docker save IMAGE | tar -x -C image)\nvideosdgx deploy %[1]s && videosdgx invoke %[2]s -p '{\"name\": \"Ana\"}'",
	"node":   inContainer + "videosdgx deploy %[1]s && videosdgx invoke %[2]s -p '{\"name\": \"Ana\"}'",
	"python": inContainer + "videosdgx deploy %[1]s && videosdgx invoke %[2]s -p '{\"name\": \"Ana\"}'",
}

func newInitCmd() *cobra.Command {
	var language string
	var fields bool
	cmd := &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Begin a function of your own",
		Long: `Write the files of a new function into a folder, whose name becomes the function's: function.yaml, a handler that works as
it is, an image.yaml where it can become a container, and a JSON schema by which editors check and complete function.yaml.
Files that are there are not touched. --fields prints every field of function.yaml and image.yaml instead.`,
		Example: `  videosdgx init hello --language python
  videosdgx init hello --language go
  videosdgx init --fields`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if fields {
				return emit(cmd, map[string]string{"markdown": manual.Fields}, func(w io.Writer) error { _, err := io.WriteString(w, manual.Fields); return err })
			}
			if len(args) == 0 {
				return usage(missing(cmd, nil, fmt.Errorf("no folder")))
			}
			return begin(cmd, args[0], language)
		},
	}
	cmd.Flags().StringVarP(&language, "language", "l", "go", strings.Join(manual.Languages, ", "))
	cmd.Flags().BoolVar(&fields, "fields", false, "print every field of function.yaml and image.yaml with default and example")
	completesOneOf(cmd, "language", manual.Languages...)
	addJSONFlag(cmd)
	return cmd
}

func begin(cmd *cobra.Command, dir, language string) error {
	files, err := manual.Begin(dir, language)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	next := fmt.Sprintf(nextSteps[language], dir, filepath.Base(abs))
	return emit(cmd, map[string]any{"folder": dir, "files": files, "next": strings.Split(next, "\n")}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s\n\nnext:\n  %s\n", dir, strings.Join(files, ", "), strings.ReplaceAll(next, "\n", "\n  "))
		return err
	})
}
