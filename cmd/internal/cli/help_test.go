package cli

import (
	"testing"

	"github.com/spf13/cobra"
)

// jsonless are commands that print nothing that could be JSON, or, as serve does, one line and a log of a form of its own.
var jsonless = map[string]bool{"videosdgx serve": true}

// Every command that runs has an example and --json, as the README says.
func TestHelpOfEveryCommand(t *testing.T) {
	seen := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if name := c.Name(); c.Parent() == c.Root() && (name == "completion" || name == "help") {
			return // cobra's own
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if !c.Runnable() || c.HasSubCommands() {
			return
		}
		seen++
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s has no example or no description", c.CommandPath())
		}
		if c.Flags().Lookup("json") == nil && !jsonless[c.CommandPath()] {
			t.Errorf("%s has no --json", c.CommandPath())
		}
	}
	walk(Root())
	if seen < 20 {
		t.Errorf("only %d commands were seen", seen)
	}
}
