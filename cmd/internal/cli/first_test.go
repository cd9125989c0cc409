package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// ofCobra says whether a command is not ours: help, and the scripts of completion.
func ofCobra(c *cobra.Command) bool {
	for ; c.HasParent(); c = c.Parent() {
		if p := c.Parent(); !p.HasParent() && (c.Name() == "completion" || c.Name() == "help") {
			return true
		}
	}
	return false
}

// TestWithoutArgumentsTheFirstStepsAreSaid: five commands, each of which is one.
func TestWithoutArgumentsTheFirstStepsAreSaid(t *testing.T) {
	out, errs, err := runCLI(t, t.Context())
	if err != nil || errs != "" {
		t.Fatalf("%q, %v", errs, err)
	}
	n := 0
	for line := range strings.Lines(out) {
		words, ok := strings.CutPrefix(line, "  videosdgx ")
		if len(strings.TrimSpace(line)) > 78 {
			t.Errorf("wider than 80 columns: %q", line)
		}
		if !ok {
			continue
		}
		n++
		if cmd, _, err := Root().Find(strings.Fields(words)[:1]); err != nil || !cmd.Runnable() || cmd.GroupID != "first" {
			t.Errorf("%q is no first step: %v", line, err)
		}
	}
	if n != 5 || !strings.Contains(out, "videosdgx --help") {
		t.Errorf("%d commands: %s", n, out)
	}
	for _, args := range [][]string{{"nosuch"}, {"--nosuch"}, {"generat"}} {
		if _, _, err := runCLI(t, t.Context(), args...); err == nil {
			t.Errorf("%v is taken", args)
		} else if code, _ := status(t.Context(), err); code != wrongUsage {
			t.Errorf("%v ends with %d: %v", args, code, err)
		}
	}
}

// TestHelpGroupsTheCommands: every name in a group is a command's, and help has the first ones first.
func TestHelpGroupsTheCommands(t *testing.T) {
	out, _, err := runCLI(t, t.Context(), "--help")
	if err != nil {
		t.Fatal(err)
	}
	first, use, others := strings.Index(out, groups[0].title), strings.Index(out, groups[1].title), strings.Index(out, "Additional Commands:")
	if first < 0 || use < first || others < use {
		t.Errorf("%d, %d, %d: %s", first, use, others, out)
	}
	for _, g := range groups {
		for _, name := range g.commands {
			if cmd, _, err := Root().Find([]string{name}); err != nil || cmd.GroupID != g.id {
				t.Errorf("%s is not in %q: %v", name, g.title, err)
			}
		}
	}
}

// TestHelpIsASCII: any terminal and any locale shows it.
func TestHelpIsASCII(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		var b strings.Builder
		c.SetOut(&b)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
				t.Errorf("%s --help: %q", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(Root())
}
