// Command docs writes what a package has of the command line beside the program: a page of man for each command, and completions for
// bash, zsh and fish. docs FOLDER; the date of the pages is SOURCE_DATE_EPOCH's.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/videosdgx/videosdgx/cmd/internal/cli"
	"github.com/videosdgx/videosdgx/cmd/internal/version"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// write makes FOLDER/man and FOLDER/completions anew.
func write(dir string) error {
	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	for _, d := range []string{man, completions} {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	root := cli.Root()
	root.DisableAutoGenTag = true
	prepare(root)
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "VideosDGX " + version.Version, Manual: "VideosDGX", Date: date()}, man); err != nil {
		return err
	}
	root = cli.Root() // what has been prepared for man is no help
	for name, gen := range map[string]func(string) error{
		"videosdgx.bash": func(at string) error { return root.GenBashCompletionFileV2(at, true) },
		"_videosdgx":     root.GenZshCompletionFile,
		"videosdgx.fish": func(at string) error { return root.GenFishCompletionFile(at, true) },
	} {
		if err := gen(filepath.Join(completions, name)); err != nil {
			return err
		}
	}
	return nil
}

func date() *time.Time {
	at := time.Unix(0, 0).UTC()
	if n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		at = time.Unix(n, 0).UTC()
	}
	return &at
}

// prepare makes Markdown of a command's text, which is what pages are made of: lines that are indented stay as they are.
func prepare(cmd *cobra.Command) {
	cmd.Long = markdown(cmd.Long)
	for _, c := range cmd.Commands() {
		prepare(c)
	}
}

var marks = strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "`", "\\`")

func markdown(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		code := strings.HasPrefix(line, "  ")
		if code != inside && strings.TrimSpace(line) != "" {
			b.WriteString("\n")
			inside = code
		}
		if code {
			b.WriteString("    " + line)
		} else {
			b.WriteString(marks.Replace(line))
		}
	}
	return b.String()
}
