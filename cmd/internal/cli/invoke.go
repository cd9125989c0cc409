package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
)

func init() { commands = append(commands, newInvokeCmd) }

// invokeFlags are the flags of invoke.
type invokeFlags struct {
	payload, qualifier    string
	event, dryRun, stream bool
	logs, timing          bool
}

func newInvokeCmd() *cobra.Command {
	var f invokeFlags
	cmd := &cobra.Command{
		Use:   "invoke FUNCTION[:QUALIFIER]",
		Short: "Send one event to a function and print its answer",
		Long: `Send one JSON event to a function through the Lambda Invoke API and print what it answers.

The event comes from --payload: JSON itself, @FILE, or - for standard input; without it the function gets {}. The answer goes
to standard output as it is. A function that fails makes the command end with status 1, its error on standard output. With
--event the server queues the event and the command does not wait; with --stream the answer is printed as it comes. While an
instance comes up for longer than a second, standard error says how far it is.`,
		Example: `  videosdgx invoke echo --payload '{"hello": "world"}'
  videosdgx invoke wan21:live --payload @prompt.json --logs
  echo '{"n": 1}' | videosdgx invoke echo --payload - --event`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completes(functionNames),
		RunE:              func(cmd *cobra.Command, args []string) error { return runInvoke(cmd, args[0], f) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.payload, "payload", "p", "", "the event: JSON, @FILE or - for standard input")
	fs.StringVarP(&f.qualifier, "qualifier", "q", "", "version or alias")
	fs.BoolVar(&f.event, "event", false, "queue the event and do not wait for the answer")
	fs.BoolVar(&f.dryRun, "dry-run", false, "only check that the function is there")
	fs.BoolVar(&f.stream, "stream", false, "print the answer as it comes; not with --json")
	fs.BoolVar(&f.logs, "logs", false, "print the last 4 KiB that the function logged, to standard error")
	fs.BoolVar(&f.timing, "timing", false, "print where the time went (Server-Timing), to standard error")
	addServerFlag(cmd)
	addJSONFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("event", "dry-run", "stream")
	cmd.MarkFlagsMutuallyExclusive("stream", "json")
	return cmd
}

// invokeResult is what --json prints.
type invokeResult struct {
	Status        int             `json:"status"`
	RequestID     string          `json:"requestId"`
	Version       string          `json:"version,omitempty"`
	FunctionError string          `json:"functionError,omitempty"`
	Payload       json.RawMessage `json:"payload,omitempty"`
	Log           string          `json:"log,omitempty"`
	Timing        string          `json:"timing,omitempty"`
}

func runInvoke(cmd *cobra.Command, function string, f invokeFlags) error {
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	if err := aName("a function's name", function); err != nil {
		return err
	}
	payload, err := readPayload(f.payload, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if f.qualifier != "" && f.stream {
		function += ":" + f.qualifier
	}
	if f.stream {
		return streamInvoke(cmd, c, function, payload)
	}
	in := client.Invocation{Function: function, Qualifier: f.qualifier, Payload: payload, Kind: f.kind(), Tail: f.logs}
	stop := func() {}
	if in.Kind == client.RequestResponse {
		stop = showStart(cmd.Context(), c, cmd.ErrOrStderr(), unqualified(function))
	}
	r, err := c.Invoke(cmd.Context(), in)
	stop()
	if err != nil {
		return err
	}
	return printInvoke(cmd, r, f)
}

// unqualified is a function's name without version or alias.
func unqualified(function string) string {
	name, _, _ := strings.Cut(function, ":")
	return name
}

func (f invokeFlags) kind() string {
	switch {
	case f.event:
		return client.EventOnly
	case f.dryRun:
		return client.DryRun
	}
	return client.RequestResponse
}

func readPayload(arg string, stdin io.Reader) ([]byte, error) {
	b, err := []byte(arg), error(nil)
	switch {
	case arg == "":
		return []byte("{}"), nil
	case arg == "-":
		b, err = io.ReadAll(stdin)
	case arg[0] == '@':
		b, err = os.ReadFile(arg[1:])
	}
	if err == nil && !json.Valid(b) {
		err = errors.New("the payload is not JSON; quote it for the shell, as in --payload '{\"a\": 1}'")
	}
	return b, err
}

// forJSON is what --json prints of an answer, which need not be JSON itself.
func forJSON(r client.Result) (invokeResult, error) {
	out := invokeResult{Status: r.Status, RequestID: r.RequestID, Version: r.Version, FunctionError: r.FunctionError, Log: r.Log, Timing: r.Timing}
	if len(r.Payload) == 0 {
		return out, nil
	}
	out.Payload = r.Payload
	if json.Valid(r.Payload) {
		return out, nil
	}
	var err error
	out.Payload, err = json.Marshal(string(r.Payload))
	return out, err
}

func printInvoke(cmd *cobra.Command, answer client.Result, f invokeFlags) error {
	r, err := forJSON(answer)
	if err != nil {
		return err
	}
	err = emit(cmd, r, func(w io.Writer) error {
		switch {
		case f.event:
			_, err := fmt.Fprintf(w, "queued as %s\n", r.RequestID)
			return err
		case len(r.Payload) > 0:
			_, err := fmt.Fprintf(w, "%s\n", r.Payload)
			return err
		}
		return nil
	})
	if f.logs {
		fmt.Fprint(cmd.ErrOrStderr(), r.Log)
	}
	if f.timing {
		fmt.Fprintln(cmd.ErrOrStderr(), strings.ReplaceAll(r.Timing, ";dur=", " "), "(ms)")
	}
	if err == nil && r.FunctionError != "" {
		err = &ExitError{Code: 1, Err: errors.New("the function failed; 'videosdgx logs' has what it logged")}
	}
	return err
}

// streamInvoke goes through the function's URL, where a streamed answer needs no framing.
func streamInvoke(cmd *cobra.Command, c *client.Client, function string, payload []byte) error {
	stop := showStart(cmd.Context(), c, cmd.ErrOrStderr(), unqualified(function))
	body, err := c.Stream(cmd.Context(), function, payload)
	stop()
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), body); err != nil {
		return fmt.Errorf("the answer broke off: %w; 'videosdgx logs' has what the function logged", err)
	}
	return nil
}
