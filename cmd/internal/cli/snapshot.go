package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

func init() { commands = append(commands, newSnapshotCmd) }

func newSnapshotCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "snapshot",
		Aliases: []string{"snapshots"},
		Short:   "Make, list, check and remove snapshots of warm functions",
		Long: `A snapshot holds what a function's initialisation computed: its processes, written by CRIU. A start from one skips that
work. Weights that are mapped from a bundle are not in it.

serve makes a snapshot of each function after its first start, or when a version is published where the manifest says
"snapshotOn: publish", proves it (a restored instance must answer the manifest's snapshotEvent as the original did), and
uses it where starts from it have been measured to be faster. A damaged one is set aside, and the function starts plainly.`,
	}
	cmd.AddCommand(
		snapshotCall("create FUNCTION[:QUALIFIER]", "Make and prove a snapshot now", "create wan21:live", 1, snapshotCreate),
		snapshotCall("ls", "List snapshots", "ls --json", 0, snapshotLs),
		snapshotCall("inspect ID", "Show one snapshot with its key and files", "inspect ID", 1, snapshotInspect),
		snapshotCall("verify ID", "Read every byte of a snapshot and compare it with its digests", "verify ID", 1, snapshotVerify),
		snapshotCall("rm ID", "Remove a snapshot", "rm ID", 1, snapshotRm),
		snapshotCall("gc", "Remove what can never serve again: other kernels, CRIU versions, CPUs, drivers; quarantined ones", "gc", 0, snapshotGc),
	)
	return cmd
}

// snapshotCall makes a subcommand that talks to the server.
func snapshotCall(use, short, example string, args int, run func(cmd *cobra.Command, c *client.Client, args []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: "  videosdgx snapshot " + example, Args: cobra.ExactArgs(args),
		ValidArgsFunction: completes(map[bool]names{true: functionNames, false: snapshotIDs}[strings.HasPrefix(use, "create ")]),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			for _, id := range args {
				if err := aName("the name of a function or the id of a snapshot", id); err != nil {
					return err
				}
			}
			return run(cmd, c, args)
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func snapshotCreate(cmd *cobra.Command, c *client.Client, args []string) error {
	name, qualifier, _ := strings.Cut(args[0], ":")
	begin := time.Now()
	r, err := c.FollowSnapshot(cmd.Context(), name, qualifier, func(step string) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%6.1f s  %s\n", time.Since(begin).Seconds(), step)
	})
	if err != nil {
		return err
	}
	return emit(cmd, r, func(w io.Writer) error { return printSnapshots(w, []catalog.Record{r}) })
}

func snapshotLs(cmd *cobra.Command, c *client.Client, _ []string) error {
	all, err := c.Snapshots(cmd.Context())
	if err != nil {
		return err
	}
	const empty = "no snapshots: 'videosdgx snapshot create FUNCTION' makes one now, and serve makes them itself where 'videosdgx doctor' finds CRIU"
	return emitList(cmd, map[string]any{"snapshots": all}, len(all), empty, func(w io.Writer) error { return printSnapshots(w, all) })
}

func printSnapshots(w io.Writer, all []catalog.Record) error {
	rows := make([][]string, len(all))
	for i, r := range all {
		rows[i] = []string{r.ID, r.Function, r.Version, string(r.State), fmt.Sprintf("%.1f MB", float64(r.Bytes)/1e6),
			ago(r.Created), strconv.FormatInt(r.Restores, 10), span(r.Dump), r.Reason}
	}
	return table(w, []string{"id", "function", "version", "state", "size", "age", "restores", "dump", "reason"}, rows)
}

func snapshotInspect(cmd *cobra.Command, c *client.Client, args []string) error {
	return snapshotShow(cmd, args[0], c.Snapshot)
}

func snapshotVerify(cmd *cobra.Command, c *client.Client, args []string) error {
	return snapshotShow(cmd, args[0], c.VerifySnapshot)
}

func snapshotShow(cmd *cobra.Command, id string, get func(context.Context, string) (catalog.Record, error)) error {
	r, err := get(cmd.Context(), id)
	if err != nil {
		return err
	}
	return emit(cmd, r, func(w io.Writer) error { return printSnapshot(w, r) })
}

func printSnapshot(w io.Writer, r catalog.Record) error {
	k := r.Key
	fmt.Fprintf(w, "snapshot %s of %s %s: %s %s\ncreated %s, dumped in %s, restored %d times\n", r.ID, r.Function, r.Version, r.State, r.Reason,
		r.Created.Format(time.RFC3339), span(r.Dump), r.Restores)
	fmt.Fprintf(w, "image    %s\nbundle   %s\nmanifest %s\nruntime  %s\nkernel %s, CRIU %s, CPU %s, GPU %q, driver %q\n\n",
		k.Image, k.Bundle, k.Config, k.Runtime, k.Kernel, k.CRIU, k.CPU, k.GPU, k.Driver)
	rows := make([][]string, len(r.Files))
	for i, f := range r.Files {
		rows[i] = []string{f.Path, strconv.FormatInt(f.Bytes, 10), f.SHA256}
	}
	return table(w, []string{"file", "bytes", "sha256"}, rows)
}

func snapshotRm(cmd *cobra.Command, c *client.Client, args []string) error {
	if err := c.RemoveSnapshot(cmd.Context(), args[0]); err != nil {
		return err
	}
	return emitRemoved(cmd, "snapshot "+args[0], args[0])
}

func snapshotGc(cmd *cobra.Command, c *client.Client, _ []string) error {
	removed, bytes, err := c.CollectSnapshots(cmd.Context())
	if err != nil {
		return err
	}
	return emit(cmd, map[string]any{"removed": removed, "bytes": bytes}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "removed %d snapshots, %.1f MB\n", removed, float64(bytes)/1e6)
		return err
	})
}
