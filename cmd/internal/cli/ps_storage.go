package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// listStorage prints what each kind of the server's files uses.
func listStorage(cmd *cobra.Command, c *client.Client) error {
	all, err := c.Storage(cmd.Context())
	if err != nil {
		return err
	}
	return emit(cmd, map[string]any{"storage": all}, func(w io.Writer) error {
		rows := make([][]string, 0, len(all))
		for _, s := range all {
			rows = append(rows, storageRow(s))
		}
		return table(w, []string{"kind", "used", "limit", "full", "level", "disk free", "at the limit"}, rows)
	})
}

func storageRow(s spec.Storage) []string {
	limit, part := "-", "-"
	if s.Limit > 0 {
		limit, part = bytesText(s.Limit), strconv.FormatFloat(100*float64(s.Bytes)/float64(s.Limit), 'f', 0, 64)+"%"
	}
	return []string{s.Kind, bytesText(s.Bytes), limit, part, s.Level, bytesText(s.Free), s.Then}
}
