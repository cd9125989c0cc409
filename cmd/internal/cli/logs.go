package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func init() { commands = append(commands, newLogsCmd) }

func newLogsCmd() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs FUNCTION",
		Short: "Print what instances of a function have logged",
		Long: `Print the standard output and error of a function's instances, oldest first: of each line the time, the instance, the id
of the request it belongs to ("-" for none, or where several at once cannot be told apart) and the text. Lines of the
runtime's own, as AWS Lambda writes them, stand around an invocation: START, END and a REPORT of how long it took and of
the most memory that the instance has used, pages of files aside. With --follow go on until interrupted. With --json every
line becomes one JSON object, {"function": ..., "time": ..., "instance": ..., "requestId": ..., "line": ...}.`,
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
		if err := enc.Encode(logged(function, lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// loggedLine is a line of logs --json.
type loggedLine struct {
	Function  string `json:"function"`
	Time      string `json:"time,omitempty"`
	Instance  string `json:"instance,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	Line      string `json:"line"`
}

// logged takes a line of the server's apart: its time, instance and request, "-" for those not known, and the text.
func logged(function, line string) loggedLine {
	f := strings.SplitN(line, "\t", 4)
	if len(f) < 4 {
		return loggedLine{Function: function, Line: line}
	}
	for i := range f[:3] {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	return loggedLine{function, f[0], f[1], f[2], f[3]}
}
