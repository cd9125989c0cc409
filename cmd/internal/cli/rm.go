package cli

import (
	"github.com/spf13/cobra"
)

func init() { commands = append(commands, newRmCmd) }

func newRmCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rm FUNCTION",
		Aliases: []string{"remove", "delete"},
		Short:   "Remove a function and all its versions",
		Long: `Remove a function from the server, with all its versions and aliases: the same as 'videosdgx deploy --remove --name FUNCTION'.
Its instances end after what they are answering. The model's bundle, clips that were made and jobs that have ended stay:
'videosdgx models rm' and 'videosdgx jobs cancel --purge' remove those.`,
		Example: `  videosdgx rm echo
  videosdgx rm echo --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completes(functionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDeploy(cmd, nil, deployFlags{name: args[0], remove: true})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}
