package cli

import (
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newPsCmd) }

func newPsCmd() *cobra.Command {
	var functions, storage bool
	var stop string
	cmd := &cobra.Command{
		Use:   "ps [FUNCTION]",
		Short: "List what runs: instances, functions with --functions, or what uses the disk with --storage",
		Long: `List the instances of all functions, or of one: their state, or how far one is that comes up ("unpack 40%"), and how long they have been in it, how they came up and how
long that took, what they have served, the memory that they hold, their GPUs' too, which engine ran their model last, and when an idle one goes away. --functions lists functions instead, with those that
nothing runs of, and --storage what clips, models, snapshots, logs and the audit log use of the disk and of what they may: "tight" from 95 % of a limit,
"full" at it, and what happens then. --stop ends one instance, after what it is answering.`,
		Example: `  videosdgx ps
  videosdgx ps wan21 --json
  videosdgx ps --functions
  videosdgx ps --storage
  videosdgx ps --stop wan21-7f3a`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completes(functionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			switch {
			case cmd.Flags().Changed("stop"):
				return stopInstance(cmd, c, stop)
			case storage:
				return listStorage(cmd, c)
			case functions:
				return listFunctions(cmd, c, args)
			}
			return listInstances(cmd, c, args)
		},
	}
	cmd.Flags().BoolVarP(&functions, "functions", "f", false, "list functions")
	cmd.Flags().BoolVar(&storage, "storage", false, "list what files use of the disk, by their kind")
	cmd.Flags().StringVar(&stop, "stop", "", "end this instance")
	cmd.MarkFlagsMutuallyExclusive("functions", "storage", "stop")
	completesFlag(cmd, "stop", instanceIDs)
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func stopInstance(cmd *cobra.Command, c *client.Client, id string) error {
	if err := aName("an instance's id", id); err != nil {
		return err
	}
	if err := c.StopInstance(cmd.Context(), id); err != nil {
		return err
	}
	return emitRemoved(cmd, "instance "+id, id)
}

// functionStatus asks the server for a function, which explains itself when there is none of that name.
func functionStatus(cmd *cobra.Command, c *client.Client, name string) (st spec.FunctionStatus, err error) {
	if err := aName("a function's name", name); err != nil {
		return st, err
	}
	return c.Function(cmd.Context(), name)
}

func listInstances(cmd *cobra.Command, c *client.Client, args []string) error {
	of := ""
	if len(args) == 1 {
		of = args[0]
		if _, err := functionStatus(cmd, c, args[0]); err != nil {
			return err
		}
	}
	all, err := c.Instances(cmd.Context(), of)
	if err != nil {
		return err
	}
	const empty = "nothing runs: 'videosdgx invoke FUNCTION' or 'videosdgx generate PROMPT' starts an instance, and 'videosdgx ps --functions' lists functions"
	return emitList(cmd, map[string]any{"instances": all}, len(all), empty, func(w io.Writer) error {
		rows := make([][]string, 0, len(all))
		for _, i := range all {
			rows = append(rows, instanceRow(i))
		}
		return table(w, []string{"id", "function", "version", "state", "since", "start", "cold", "served", "memory", "gpu", "engine", "expires"}, rows)
	})
}

func instanceRow(i spec.InstanceStatus) []string {
	started, expires := i.StartedBy, "-"
	if started == "" {
		started = "-"
	}
	if !i.Expires.IsZero() {
		expires = "in " + span(max(time.Until(i.Expires), time.Second))
	}
	state := string(i.State)
	if i.Start != nil {
		state = startState(*i.Start)
	}
	return []string{i.ID, i.Function, i.Version, state, ago(i.Since), started, span(i.Cold), strconv.FormatInt(i.Served, 10), size(i.Memory), onGPU(i), orDash(i.Engine), expires}
}

// onGPU is the memory that an instance holds on its GPUs and, where it has several, how many they are.
func onGPU(i spec.InstanceStatus) string {
	s := size(i.Device)
	if len(i.GPUs) > 1 {
		s += " on " + strconv.Itoa(len(i.GPUs))
	}
	return s
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// size rounds to whole MiB, which is what a table needs.
func size(b spec.Bytes) string {
	if b == 0 {
		return "-"
	}
	switch {
	case b < 1<<10:
		return strconv.FormatInt(int64(b), 10) + "B"
	case b < 1<<20:
		return strconv.FormatInt((int64(b)+1<<9)>>10, 10) + "KiB"
	}
	return strconv.FormatInt((int64(b)+1<<19)>>20, 10) + "MiB"
}

func listFunctions(cmd *cobra.Command, c *client.Client, args []string) error {
	all, err := theFunctions(cmd, c, args)
	if err != nil {
		return err
	}
	const empty = "no functions: 'videosdgx deploy FOLDER' registers one, and 'videosdgx init FOLDER' begins one of your own"
	return emitList(cmd, map[string]any{"functions": all}, len(all), empty, func(w io.Writer) error {
		rows := make([][]string, 0, len(all))
		for _, f := range all {
			n := func(v int64) string { return strconv.FormatInt(v, 10) }
			rows = append(rows, []string{f.Function.Name, n(int64(f.Instances)), n(int64(f.Queued)), n(f.Invocations), n(f.Errors), n(f.ColdStarts),
				span(f.PlainStart), span(f.Restore), f.Chosen, span(f.KeepAlive), f.Fault})
		}
		return table(w, []string{"function", "instances", "queued", "invoked", "errors", "cold", "start", "restore", "choice", "keep-alive", "problem"}, rows)
	})
}

func theFunctions(cmd *cobra.Command, c *client.Client, args []string) ([]spec.FunctionStatus, error) {
	if len(args) == 0 {
		return c.Functions(cmd.Context())
	}
	st, err := functionStatus(cmd, c, args[0])
	return []spec.FunctionStatus{st}, err
}
