package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The exit statuses besides 0 and 1.
const (
	wrongUsage  = 2
	interrupted = 130 // as shells have it for SIGINT
)

// markUsage makes what is wrong with a command line itself end with status 2, in cmd and below it, and a command that
// only groups others refuse words that are none of them.
func markUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	if cmd.HasSubCommands() && cmd.HasParent() && !cmd.Runnable() {
		cmd.Args = cobra.NoArgs
		cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error { return usage(missing(c, args, check(c, args))) }
	}
	for _, c := range cmd.Commands() {
		markUsage(c)
	}
}

// missing names the argument that is not there, as the usage line calls it; cobra only counts them.
func missing(cmd *cobra.Command, args []string, err error) error {
	if err == nil {
		return nil
	}
	words := strings.Fields(cmd.Use)[1:]
	if len(args) >= len(words) {
		return fmt.Errorf("%q is one argument too many: write it like '%s %s', with quotes around what has blanks",
			args[len(args)-1], cmd.CommandPath(), strings.Join(words, " "))
	}
	return fmt.Errorf("%s is missing: write it like '%s %s'; --help has examples", words[len(args)], cmd.CommandPath(), strings.Join(words, " "))
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &ExitError{Code: wrongUsage, Err: err}
}

// status gives the exit status of an error, and the error to tell; nil: none.
func status(ctx context.Context, err error) (int, error) {
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		return exit.Code, exit.Err
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return interrupted, errors.New("interrupted")
	case strings.HasPrefix(err.Error(), "unknown command "), strings.HasPrefix(err.Error(), "if any flags in the group "): // cobra's own, which no hook sees
		return wrongUsage, err
	}
	return 1, err
}

// refuseOtherTopics makes help fail where there is nothing to help with.
func refuseOtherTopics(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Args = func(_ *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return fmt.Errorf("there is no command %q; videosdgx --help lists those there are", strings.Join(args, " "))
				}
				return nil
			}
		}
	}
}
