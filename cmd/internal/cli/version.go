package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
)

func init() { commands = append(commands, newVersionCmd) }

func newVersionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, commit and platform",
		Example: "  videosdgx version --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := version.Get()
			return emit(cmd, v, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, versionLine(v))
				return err
			})
		},
	}
	addJSONFlag(cmd)
	return cmd
}

func versionLine(v version.Info) string {
	return fmt.Sprintf("videosdgx %s %s (%s, %s/%s)", v.Version, v.Commit, v.Go, v.OS, v.Arch)
}
