package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
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
--event the server queues the event and the command does not wait; with --stream the answer is printed as it comes.`,
		Example: `  videosdgx invoke echo --payload '{"hello": "world"}'
  videosdgx invoke wan21:live --payload @prompt.json --logs
  echo '{"n": 1}' | videosdgx invoke echo --payload - --event`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runInvoke(cmd, args[0], f) },
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
	if f.stream {
		return streamInvoke(cmd, c, function, f, payload)
	}
	resp, err := c.send(cmd.Context(), http.MethodPost, invokePath(function, f), invokeHeader(f), bytes.NewReader(payload))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	r, err := readInvoke(resp)
	if err != nil {
		return err
	}
	return printInvoke(cmd, r, f)
}

func invokePath(function string, f invokeFlags) string {
	p := "/2015-03-31/functions/" + url.PathEscape(function) + "/invocations"
	if f.qualifier != "" {
		p += "?Qualifier=" + url.QueryEscape(f.qualifier)
	}
	return p
}

func invokeHeader(f invokeFlags) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	switch {
	case f.event:
		h.Set("X-Amz-Invocation-Type", "Event")
	case f.dryRun:
		h.Set("X-Amz-Invocation-Type", "DryRun")
	case f.logs:
		h.Set("X-Amz-Log-Type", "Tail")
	}
	return h
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

func readInvoke(resp *http.Response) (invokeResult, error) {
	h := resp.Header
	r := invokeResult{Status: resp.StatusCode, RequestID: h.Get("X-Amzn-Requestid"), Version: h.Get("X-Amz-Executed-Version"),
		FunctionError: h.Get("X-Amz-Function-Error"), Timing: h.Get("Server-Timing")}
	log, err := base64.StdEncoding.DecodeString(h.Get("X-Amz-Log-Result"))
	if err != nil {
		return r, fmt.Errorf("the log in the answer is not base64: %w", err)
	}
	r.Log = string(log)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return r, fmt.Errorf("read the answer: %w", err)
	}
	if len(b) > 0 {
		r.Payload = b
		if !json.Valid(b) {
			r.Payload, err = json.Marshal(string(b))
		}
	}
	return r, err
}

func printInvoke(cmd *cobra.Command, r invokeResult, f invokeFlags) error {
	err := emit(cmd, r, func(w io.Writer) error {
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
func streamInvoke(cmd *cobra.Command, c *client, function string, f invokeFlags, payload []byte) error {
	if f.qualifier != "" {
		function += ":" + f.qualifier
	}
	header := http.Header{"Content-Type": {"application/json"}}
	resp, err := c.send(cmd.Context(), http.MethodPost, "/fn/"+url.PathEscape(function)+"/", header, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), resp.Body); err != nil {
		return fmt.Errorf("the answer broke off: %w; 'videosdgx logs' has what the function logged", err)
	}
	return nil
}
