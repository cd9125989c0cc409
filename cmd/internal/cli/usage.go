package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/videosdgx/videosdgx/runtime/near"
)

// The exit statuses besides 0 and 1.
const (
	wrongUsage  = 2
	interrupted = 130 // as shells have it for SIGINT
)

// markUsage makes what is wrong with a command line itself end with status 2, in cmd and below it, a command that
// only groups others refuse words that are none of them, and one that takes no words refuse any.
func markUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(otherFlag(cmd, err)) })
	if cmd.HasSubCommands() && cmd.HasParent() && !cmd.Runnable() {
		cmd.Args = cobra.NoArgs
		cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if cmd.Args == nil && cmd.Runnable() && len(strings.Fields(cmd.Use)) == 1 && cmd.HasParent() {
		cmd.Args = cobra.NoArgs // cobra drops words that a command does not ask for without saying so
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
	if cmd.HasSubCommands() {
		return noSubcommand(cmd, args[0])
	}
	words := strings.Fields(cmd.Use)[1:]
	if len(words) == 0 {
		return fmt.Errorf("%q is one argument too many: '%s' takes none; --help has examples", args[0], cmd.CommandPath())
	}
	if len(args) >= len(words) {
		return fmt.Errorf("%q is one argument too many: write it like '%s %s', with quotes around what has blanks",
			args[len(args)-1], cmd.CommandPath(), strings.Join(words, " "))
	}
	return fmt.Errorf("%s is missing: write it like '%s %s'; --help has examples", words[len(args)], cmd.CommandPath(), strings.Join(words, " "))
}

// otherFlag adds to the error of a flag that cmd has not which may be meant, or where those are listed that it has.
func otherFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return wrongValue(cmd, err)
	}
	if unknown.GetSpecifiedShortnames() == "" {
		var all []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				all = append(all, f.Name)
			}
		})
		if like := near.Names(unknown.GetSpecifiedName(), all); len(like) > 0 {
			return fmt.Errorf("%w; did you mean --%s?", err, strings.Join(like, " or --"))
		}
	}
	return fmt.Errorf("%w: '%s --help' lists those there are", err, cmd.CommandPath())
}

// noSubcommand says that a command that groups others has none of that name, and which may be meant.
func noSubcommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2 // cobra's own for the root
	var like []string
	for _, s := range cmd.SuggestionsFor(name) {
		like = append(like, fmt.Sprintf("'%s %s'", cmd.CommandPath(), s))
	}
	if len(like) > 0 {
		return fmt.Errorf("'%s' has no command %q; did you mean %s?", cmd.CommandPath(), name, strings.Join(like, " or "))
	}
	return fmt.Errorf("'%s' has no command %q; '%s --help' lists those there are", cmd.CommandPath(), name, cmd.CommandPath())
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
	case strings.HasPrefix(err.Error(), "unknown command "):
		return wrongUsage, noCommand(Root(), err)
	case strings.HasPrefix(err.Error(), "if any flags in the group "): // cobra's own, which no hook sees
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
