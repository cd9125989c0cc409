package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/bench/suite"
)

func init() { commands = append(commands, newBenchCmd) }

func newBenchCmd() *cobra.Command {
	var (
		o      suite.Options
		output string
	)
	cmd := &cobra.Command{
		Use:   "bench [PROGRAM...]",
		Short: "Measure cold and warm latency, memory and recovery on this machine",
		Long: `Run the programs under bench/ in turns, each with a server of its own and none beside another, and write their results to
OUTPUT/<date>-<machine>.json, a page of plots beside it (.html, which needs no other file), and the plots as SVG and PNG.
Run it from the repository's root; Go must be installed. As root functions run in containers, else as plain processes.

The short version takes less than five minutes. --long takes the n of the figures in the README and all sizes of weights
up to 8 GiB, for which it needs 16 GB of disk. Anything else that runs on the machine is in the figures: the report says
the load average before each program.

Compare two results with:  go run ./bench/compare OLD.json NEW.json

Programs: ` + strings.Join(suite.Names(), ", ") + `.`,
		Example: `  videosdgx bench
  videosdgx bench warm cold
  videosdgx bench --long weights`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Only, o.Out, o.Err = args, cmd.OutOrStdout(), cmd.ErrOrStderr()
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				o.Out = o.Err // the tables
			}
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			if o.Cache, err = filepath.Abs(o.Cache); err != nil {
				return err
			}
			r, failed := suite.Run(cmd.Context(), o)
			if r == nil || len(r.Reports) == 0 {
				return failed
			}
			base, err := r.Save(output)
			if err == nil {
				err = emit(cmd, r, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%d programs in %.0f s: %s.json, .html\n", len(r.Reports), r.Seconds, base)
					return err
				})
			}
			return errors.Join(failed, err)
		},
	}
	addJSONFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Driver, "driver", "auto", "how instances run: auto, containerd or process")
	completesOneOf(cmd, "driver", "auto", "containerd", "process")
	f.BoolVar(&o.Long, "long", false, "the long version of each program")
	f.StringVar(&o.Cache, "cache", ".build/bench", "folder for bundles that are kept for the next run")
	f.StringVar(&output, "output", "bench/results", "folder of the results")
	return cmd
}
