package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

func init() { commands = append(commands, newLogsCmd) }

func newLogsCmd() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs FUNCTION",
		Short: "Print what instances of a function have logged",
		Long: `Print the standard output and error of a function's instances, oldest first. With --follow go on until interrupted. With
--json every line becomes one JSON object, {"function": …, "line": …}.`,
		Example: `  videosdgx logs wan21
  videosdgx logs wan21 --follow`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completes(functionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			body, err := c.Logs(cmd.Context(), args[0], follow)
			if err != nil {
				return err
			}
			defer body.Close()
			if err := copyLog(cmd, args[0], body); !errors.Is(err, context.Canceled) { // interrupted: the way to end --follow
				return err
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func copyLog(cmd *cobra.Command, function string, body io.Reader) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); !asJSON {
		_, err := io.Copy(cmd.OutOrStdout(), &visible{r: body})
		return err
	}
	lines, enc := bufio.NewScanner(body), json.NewEncoder(cmd.OutOrStdout())
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := enc.Encode(map[string]string{"function": function, "line": lines.Text()}); err != nil {
			return err
		}
	}
	return lines.Err()
}
