package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/cli"
)

func TestEveryCommandHasAPage(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() || c.IsAdditionalHelpTopicCommand() {
			return
		}
		b, err := os.ReadFile(filepath.Join(dir, "man", strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil || !strings.Contains(string(b), ".SH SYNOPSIS") || !strings.Contains(string(b), "1970") {
			t.Errorf("%s: %v, %.200s", c.CommandPath(), err, b)
		}
		for _, c := range c.Commands() {
			walk(c)
		}
	}
	walk(cli.Root())
	b, err := os.ReadFile(filepath.Join(dir, "man", "videosdgx-keys.1"))
	if err != nil || !strings.Contains(string(b), "\ninvoke    call functions") && !strings.Contains(string(b), "  invoke    call functions") {
		t.Errorf("what is indented has been filled: %v %s", err, b)
	}
}

// TestCompletionsAreShell: each is read by its shell where this machine has it; bash is on every one, and completes.
func TestCompletionsAreShell(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for shell, name := range map[string]string{"bash": "videosdgx.bash", "zsh": "_videosdgx", "fish": "videosdgx.fish"} {
		at := filepath.Join(dir, "completions", name)
		if b, err := os.ReadFile(at); err != nil || len(b) < 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
		program, err := exec.LookPath(shell)
		if err != nil && shell != "bash" {
			t.Logf("no %s here: its completion is not read", shell)
			continue
		}
		if out, err := exec.Command(program, "-n", at).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}

func TestMarkdown(t *testing.T) {
	if got := markdown("a_b *c*\n\n  d_e  f\n\ng\n"); got != "a\\_b \\*c\\*\n\n\n      d_e  f\n\n\ng\n" {
		t.Errorf("%q", got)
	}
}
