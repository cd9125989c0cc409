package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// plain is a page's text without what sets it.
func plain(page string) string {
	page = regexp.MustCompile(`\\f[BIPR]`).ReplaceAllString(page, "")
	page = strings.NewReplacer(`\-`, "-", `\&`, "", `\(aq`, "'", `\(ga`, "`", `\\`, `\`, "\n", " ").Replace(page)
	return strings.Join(strings.Fields(page), " ")
}

// TestManual: a page for every command has its name, all that --help says of it, its flags and its examples, and nothing of
// whoever has made it.
func TestManual(t *testing.T) {
	t.Setenv("VIDEOSDGX_SERVER", "http://of.this.user:1")
	t.Setenv("SOURCE_DATE_EPOCH", "1750000000")
	dir := filepath.Join(t.TempDir(), "man1")
	out, _, err := runCLI(t, t.Context(), "docs", "man", dir)
	if err != nil || !strings.Contains(out, " pages in "+dir) {
		t.Fatalf("%q, %v", out, err)
	}
	pages := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		pages[e.Name()] = string(raw)
		names = append(names, e.Name())
	}
	if told, err := writeManual(dir); err != nil || !slices.Equal(told, names) {
		t.Errorf("%v are told, %v lie there, %v", told, names, err)
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() {
			return // hidden, or cobra's help
		}
		holdPage(t, c, pages[strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"])
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(Root())
	if page := plain(pages["videosdgx-environment.1"]); !strings.Contains(page, "VIDEOSDGX_GPU_LIB the folder with") {
		t.Errorf("the page of the environment: %q", page)
	}
	if len(pages) < 50 {
		t.Errorf("only %d pages", len(pages))
	}
}

func holdPage(t *testing.T, c *cobra.Command, page string) {
	t.Helper()
	text := plain(page)
	want := []string{strings.ReplaceAll(c.CommandPath(), " ", "-") + " - " + c.Short, `"Jun 2025"`, c.UseLine()}
	if !ofCobra(c) {
		want = append(want, strings.Split(c.Long, "\n")...)
	}
	want = append(want, strings.Split(c.Example, "\n")...)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden {
			want = append(want, "--"+f.Name, asRoot(f.Usage))
		}
	})
	for _, w := range want {
		if w = strings.Join(strings.Fields(w), " "); !strings.Contains(text, w) {
			t.Errorf("the page of %s lacks %q", c.CommandPath(), w)
		}
	}
	for i, r := range page {
		if r > '~' {
			t.Errorf("the page of %s has %q, which needs a locale: …%s", c.CommandPath(), r, page[max(0, i-30):i])
			break
		}
	}
	if strings.Contains(page, "of.this.user") {
		t.Errorf("the page of %s names this user's server", c.CommandPath())
	}
}

func TestTheManualNeedsAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runCLI(t, t.Context(), "docs", "man", file); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Error(err)
	}
	if _, _, err := runCLI(t, t.Context(), "docs", "man"); err == nil || !strings.Contains(err.Error(), "FOLDER is missing") {
		t.Error(err)
	}
}
