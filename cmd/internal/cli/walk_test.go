package cli

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// everyCommand calls f for each command of ours that runs.
func everyCommand(f func(c *cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasParent() && c.Runnable() && !c.HasSubCommands() && !ofCobra(c) {
			f(c)
		}
	}
	walk(Root())
}

// TestNamesComplete: whatever a server, a store or the models folder has names of.
func TestNamesComplete(t *testing.T) {
	known := map[string]bool{"FUNCTION": true, "INSTANCE": true, "ID": true, "MODEL": true, "BUNDLE": true, "LORA": true}
	seen := 0
	everyCommand(func(c *cobra.Command) {
		for _, word := range strings.FieldsFunc(strings.Join(strings.Fields(c.Use)[1:min(2, len(strings.Fields(c.Use)))], ""), func(r rune) bool { return strings.ContainsRune("[]|:", r) }) {
			if known[word] {
				seen++
				if c.ValidArgsFunction == nil {
					t.Errorf("%s completes nothing", c.CommandPath())
				}
			}
		}
		for _, flag := range []string{"model", "driver", "priority", "language"} {
			f := c.Flags().Lookup(flag)
			if complete, found := c.GetFlagCompletionFunc(flag); f != nil && f.Usage != "a checkpoint to hold it to" && (!found || complete == nil) {
				t.Errorf("%s --%s completes nothing", c.CommandPath(), flag)
			}
		}
	})
	if seen < 15 {
		t.Errorf("only %d arguments were seen", seen)
	}
}

// withoutServer are commands that work where no server runs, and ask one only for what it knows better.
func withoutServer(path string) bool {
	return strings.HasPrefix(path, "videosdgx models ") || path == "videosdgx bench"
}

// TestWithoutAServerEveryCommandSaysHowToStartOne.
func TestWithoutAServerEveryCommandSaysHowToStartOne(t *testing.T) {
	const closed = "http://127.0.0.1:1" // of a service that nobody has run for decades
	words := map[string]string{"high|normal|low": "high", "SHARE": "0.25", "PROMPT": "a boat", "NAME": "ana", "ID": "abc"}
	seen := 0
	everyCommand(func(c *cobra.Command) {
		if c.Flags().Lookup("server") == nil || withoutServer(c.CommandPath()) {
			return
		}
		seen++
		for _, server := range []string{closed, "unix:" + filepath.Join(t.TempDir(), "no.sock")} {
			args := strings.Fields(c.CommandPath())[1:]
			if c.Name() == "deploy" {
				args = append(args, "--name", "x", "--image", "y")
			}
			for _, w := range strings.Fields(c.Use)[1:] {
				if w[0] == '[' {
					continue
				}
				if words[w] != "" {
					w = words[w]
				}
				args = append(args, strings.ToLower(strings.Split(strings.Split(w, "[")[0], "|")[0]))
			}
			_, _, err := runCLI(t, t.Context(), append(args, "--server", server)...)
			if !errors.Is(err, client.ErrNoServer) || !strings.Contains(err.Error(), "start one with 'videosdgx serve'") || !strings.Contains(err.Error(), "--server or VIDEOSDGX_SERVER") {
				t.Errorf("%v --server %s: %v", args, server, err)
			}
		}
	})
	if seen < 20 {
		t.Errorf("only %d commands were seen", seen)
	}
}

// TestDumbTerminal: one that takes no orders gets none, and NO_COLOR no colours.
func TestDumbTerminal(t *testing.T) {
	for variable, orders := range map[string]string{"TERM=dumb": "\x1b", "NO_COLOR=1": "\x1b[3"} {
		name, value, _ := strings.Cut(variable, "=")
		t.Run(variable, func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			t.Setenv(name, value)
			slave, _, written := terminal(t, 40)
			track := newTracker(slave, false)
			track.show(client.Event{Type: "progress", Data: []byte(`{"phase":"denoise","step":3,"steps":50}`)})
			track.close()
			bars := newBars(slave)
			bars.one("file", 10).end(true)
			bars.wait()
			line := newStartLine(slave)
			line.show(nil)
			line.end()
			if log := written(); strings.Contains(log, orders) || !strings.Contains(log, "denoise") {
				t.Errorf("%q", log)
			}
		})
	}
}

// TestDotsInALocaleWithoutThem.
func TestDotsInALocaleWithoutThem(t *testing.T) {
	for locale, want := range map[string]string{"C": "a very l...", "C.UTF-8": "a very lon…", "pt_BR.ISO-8859-1": "a very l...", "pt_BR.utf8": "a very lon…", "": "a very lon…"} {
		t.Setenv("LC_ALL", locale)
		t.Setenv("LC_CTYPE", "")
		t.Setenv("LANG", "")
		if got := shorten("a very long prompt", 11); got != want {
			t.Errorf("%q: %q", locale, got)
		}
	}
	t.Setenv("LC_ALL", "")
	t.Setenv("LANG", "POSIX")
	if got := printable("a\x1bb"); got != "a?b" {
		t.Errorf("%q", got)
	}
}
