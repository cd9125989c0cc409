package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newStopCmd) }

func newStopCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop FUNCTION|INSTANCE",
		Short: "End the instances of a function, or one of them",
		Long: `End the instances of a function, or the one instance of an id that 'videosdgx ps' lists, each after what it is answering. The
memory that they hold, a GPU's too, is free then. The function stays: its next event or job starts an instance again.
'videosdgx rm' removes a function.`,
		Example: `  videosdgx stop wan21
  videosdgx stop wan21-7f3a --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completes(functionsAndInstances),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if err := aName("the name of a function or the id of an instance", args[0]); err != nil {
				return err
			}
			ended, err := stopAll(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return emit(cmd, map[string]any{"stopped": ended}, func(w io.Writer) error {
				if len(ended) == 0 {
					_, err := fmt.Fprintf(w, "nothing runs of %s\n", printable(args[0]))
					return err
				}
				_, err := fmt.Fprintln(w, strings.Join(ended, "\n"))
				return err
			})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

// stopAll ends the instance of that id, or all instances of the function of that name, and gives their ids. What has ended by
// itself meanwhile is no error.
func stopAll(ctx context.Context, c *client.Client, name string) ([]string, error) {
	all, err := c.Instances(ctx, "")
	if err != nil {
		return nil, err
	}
	ended := []string{}
	var failed error
	for _, i := range instancesOf(all, name) {
		switch err := c.StopInstance(ctx, i.ID); {
		case err == nil:
			ended = append(ended, i.ID)
		case !client.IsNotFound(err):
			failed = errors.Join(failed, err)
		}
	}
	if len(ended) > 0 || failed != nil {
		return ended, failed
	}
	if _, err := c.Function(ctx, name); client.IsNotFound(err) {
		return nil, fmt.Errorf("there is no function and no instance %q; 'videosdgx ps' lists what runs", name)
	} else if err != nil {
		return nil, err
	}
	return ended, nil
}

// instancesOf are the one of that id, else those of the function of that name.
func instancesOf(all []spec.InstanceStatus, name string) (of []spec.InstanceStatus) {
	for _, i := range all {
		if i.ID == name {
			return []spec.InstanceStatus{i}
		}
		if i.Function == name {
			of = append(of, i)
		}
	}
	return of
}

// functionsAndInstances are what stop takes.
func functionsAndInstances(ctx context.Context, c *client.Client) ([]string, error) {
	functions, err := functionNames(ctx, c)
	if err != nil {
		return nil, err
	}
	instances, err := instanceIDs(ctx, c)
	return append(functions, instances...), err
}
