// Package cli holds the commands of the videosdgx binary, one file each.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// commands are the constructors of all commands; each command's file appends its own in an init function.
var commands []func() *cobra.Command

// ExitError makes the process end with Code after printing Err (nil: silently).
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string { return fmt.Sprint(e.Err) }
func (e *ExitError) Unwrap() error { return e.Err }

// Main runs the command line and returns the exit status: 0, 1 for an error, 2 for wrong usage, 130 when interrupted.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, w := range unknownVariables(os.Environ()) {
		fmt.Fprintln(os.Stderr, "videosdgx: warning:", w)
	}
	root := Root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code, err := status(ctx, err)
	if err != nil {
		fmt.Fprintln(os.Stderr, "videosdgx:", gateway.Sentence(err))
	}
	return code
}

// Root builds the whole command tree.
func Root() *cobra.Command {
	root := &cobra.Command{
		Use:           "videosdgx",
		Short:         "A serverless function runtime for video generation models",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       versionLine(version.Get()),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), firstSteps)
			return err
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	for _, c := range commands {
		root.AddCommand(c())
	}
	groupCommands(root)
	root.InitDefaultCompletionCmd() // now, not at Execute: markUsage has to see them
	root.InitDefaultHelpCmd()
	refuseOtherTopics(root)
	markUsage(root)
	return root
}
