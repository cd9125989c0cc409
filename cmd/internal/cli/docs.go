package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/client"
)

func init() { commands = append(commands, newDocsCmd) }

func newDocsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write the manual pages",
	}
	cmd.AddCommand(newDocsManCmd())
	return cmd
}

func newDocsManCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write a manual page of every command",
		Long: `Write a page of section 1 for every command into a folder, made of what --help says: videosdgx.1, videosdgx-generate.1 and so
on. man finds them in a folder man1 under one of $(manpath), such as /usr/local/share/man. The date in them is the one that
SOURCE_DATE_EPOCH gives, else today's.`,
		Example: `  sudo videosdgx docs man /usr/local/share/man/man1
  videosdgx docs man /tmp/man1 && man /tmp/man1/videosdgx-generate.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pages, err := writeManual(args[0])
			if err != nil {
				return err
			}
			return emit(cmd, map[string]any{"folder": args[0], "pages": pages}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d pages in %s\n", len(pages), args[0])
				return err
			})
		},
	}
	addJSONFlag(cmd)
	return cmd
}

// writeManual writes a page for each command into a folder, which is made, and gives their names.
func writeManual(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the manual: %w", err)
	}
	root := Root()
	root.Long = strings.TrimSpace(firstSteps)
	forManual(root)
	if err := doc.GenManTree(root, manHeader(), dir); err != nil {
		return nil, fmt.Errorf("write the manual: %w", err)
	}
	pages, err := topics(root, dir)
	if err != nil {
		return nil, fmt.Errorf("write the manual: %w", err)
	}
	var list func(*cobra.Command)
	list = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c != root {
			return
		}
		pages = append(pages, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		for _, sub := range c.Commands() {
			list(sub)
		}
	}
	list(root)
	slices.Sort(pages)
	return pages, nil
}

func manHeader() *doc.GenManHeader {
	return &doc.GenManHeader{Section: "1", Source: "VideosDGX", Manual: "VideosDGX"}
}

// topics writes the pages of what help explains and is no command, and gives their names.
func topics(root *cobra.Command, dir string) (pages []string, err error) {
	for _, c := range root.Commands() {
		if !c.IsAdditionalHelpTopicCommand() {
			continue
		}
		var page bytes.Buffer
		if err := doc.GenMan(c, manHeader(), &page); err != nil {
			return nil, err
		}
		pages = append(pages, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		if err := os.WriteFile(filepath.Join(dir, pages[len(pages)-1]), page.Bytes(), 0o644); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// forManual turns a tree's plain texts into the Markdown that manual pages are made of, and defaults that this environment
// gives flags into what they are without one.
func forManual(c *cobra.Command) {
	c.DisableAutoGenTag = true
	c.Short, c.Long = escaped(c.Short), markdown(c.Long)
	c.InitDefaultHelpFlag()
	c.Flags().VisitAll(func(f *pflag.Flag) {
		f.Usage, f.DefValue = escaped(asRoot(f.Usage)), asRoot(f.DefValue)
		switch f.Name {
		case "server":
			f.DefValue = client.DefaultServer
		case "node":
			f.DefValue = "" // the host's name
		}
	})
	for _, sub := range c.Commands() {
		forManual(sub)
	}
}

// asRoot puts the folder of a server that root starts into a text in place of this user's.
func asRoot(text string) string {
	return strings.ReplaceAll(text, daemon.Default().Data, "/var/lib/videosdgx")
}

// markdown keeps lines that are indented as they are, and takes every other line at its letters.
func markdown(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.SplitSeq(text, "\n") {
		indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		if indented && !code {
			b.WriteString("\n") // a block of code begins behind an empty line
		}
		if code = indented || code && line == ""; indented {
			line = "  " + line
		} else {
			line = escaped(line)
		}
		b.WriteString(line + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// escaped has Markdown take a line at its letters.
func escaped(line string) string {
	return markdownMarks.Replace(line)
}

var markdownMarks = strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "\\<", ">", "\\>", "#", "\\#", "`", "\\`", "|", "\\|", "~", "\\~")
