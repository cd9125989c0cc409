package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// priorities are the words for a job's, highest first.
var priorities = []string{"high", "normal", "low"}

func newJobsPriorityCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "priority ID high|normal|low", Short: "Give a waiting job another priority",
		Long: `Give a job that waits another priority. Jobs of high priority start before normal ones and those before low ones, while each
client still has its turn and the long neglected are lifted; among its like a job stands by its time of submission. A job that
runs already or has ended is refused. As much of the id as no other job has is enough.`,
		Example: `  videosdgx jobs priority 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7 high
  videosdgx jobs ls --state queued`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return priorities, cobra.ShellCompDirectiveNoFileComp
			}
			return completes(jobIDs)(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(priorities, args[1]) {
				return usage(fmt.Errorf("%.40q is not a priority: write %s", args[1], strings.Join(priorities, ", ")))
			}
			c, id, err := jobOf(cmd, args[0])
			if err != nil {
				return err
			}
			j, err := c.SetPriority(cmd.Context(), id, args[1])
			if err != nil {
				return err
			}
			return emit(cmd, j, func(w io.Writer) error {
				where := ""
				if j.Position > 0 {
					where = fmt.Sprintf(", place %d in the queue", j.Position)
				}
				_, err := fmt.Fprintf(w, "job %s has priority %s%s\n", j.ID, j.Priority, where)
				return err
			})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}
