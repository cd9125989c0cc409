package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// randomisable says whether a family makes bundles of noise of any size.
func randomisable(f serve.Family) bool { return f.Random != nil }

// newModelsRandomCmd makes bundles of noise, for measuring what does not depend on what a model has learnt.
func newModelsRandomCmd() *cobra.Command {
	var out, size, precision string
	cmd := &cobra.Command{
		Use:     "random CHECKPOINT",
		Hidden:  true,
		Short:   "Make a bundle of random weights, of any size, for benchmarks",
		Example: `  videosdgx models random images/demo/wan21-tiny --size 1GiB -o /tmp/noise`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var n spec.Bytes
			if err := n.UnmarshalText([]byte(size)); err != nil {
				return err
			}
			family, err := familyOf(args[0])
			if err != nil {
				return err
			}
			if !randomisable(family) {
				return fmt.Errorf("bundles of noise are made of the shapes of %s; %s is of %s: %w", strings.Join(known.Names(randomisable), ", "), args[0], family.Name, errdefs.ErrNotImplemented)
			}
			start := time.Now()
			recipe := func(c *weights.Checkpoint) (bundle.Recipe, error) { return family.Random(c, int64(n)) }
			m, err := serve.Build(cmd.Context(), args[0], out, recipe, bundle.Options{Precision: precision})
			if err != nil {
				return err
			}
			b := builtBundle{Path: out, Name: m.Name, Family: m.Family, Digest: m.Digest, Files: len(m.Files), Bytes: m.Bytes(), Seconds: time.Since(start).Seconds()}
			return emit(cmd, b, b.print)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "random.bundle", "folder of the bundle")
	cmd.Flags().StringVar(&size, "size", "1GiB", "size of the weights in float32")
	cmd.Flags().StringVar(&precision, "quant", bundle.None, "what weights are held as: "+strings.Join(bundle.Precisions(), ", "))
	completesOneOf(cmd, "quant", bundle.Precisions()...)
	addJSONFlag(cmd)
	return cmd
}
