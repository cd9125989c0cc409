package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// plannable says whether the shapes of a family's graphs are known without running them.
func plannable(f serve.Family) bool { return f.Shapes != nil }

// planFlags are the choices of models plan.
type planFlags struct {
	target, memory, workspace string
	ranges                    bool
	sizes                     []string
	one                       bundle.ClipSize // of --width, --height and --frames
	o                         serve.PlanOptions
}

func newModelsPlanCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan BUNDLE",
		Short: "Build TensorRT's plans of a bundle ahead of time",
		Long: `Build a TensorRT plan of every graph of a bundle: kernels chosen and weights laid out for one kind of GPU. Plans lie in the
folder plans of the bundle, named by all that they depend on: the bundle's digest, TensorRT's family and version, the GPU and
the shapes of clips, from the smallest to the model's default, or to --width, --height and --frames. --size, given several times,
names the largest clip of each class of resolutions: a plan has kernels for each then, and a clip runs with those of the smallest
class that takes it. What is there already and whole is kept; what is damaged or cut off is built again.

Without --target they are for this machine's GPU. --target sm_121 builds for DGX Spark on any machine, with TensorRT-RTX and
without a GPU. Building happens in a child process that may crash or take too long without harm; ^C ends it, and what was
finished stays. A plan serves once its results have agreed with ONNX Runtime's on the GPU that it is for: on this machine's they
are compared at once, and a plan that is off is thrown away; elsewhere by the first function that has them, while ONNX Runtime
answers. Both are timed there, too: model.engine auto of function.yaml takes plans that are as fast as ONNX Runtime, tensorrt takes
them in any case.

Products of a bundle in INT8 multiply in INT8 where the ranges of what they are fed are known: four small clips are made with ONNX
Runtime on this machine for that, once (a plan that is there has them). --ranges=false spares the clips, and such plans multiply
in half precision; so does a graph whose weights are larger than 8 GiB in float32.

The bundle needs graphs for TensorRT: ` + "`videosdgx models build --engines cpu,cuda,tensorrt`" + `. TensorRT-RTX comes with
` + "`make setup-tensorrt`" + `; another TensorRT is named by VIDEOSDGX_TRT_LIB.`,
		Example: `  videosdgx models plan wan21-tiny --target sm_121
  videosdgx models plan ./wan-14b.bundle --width 832 --height 480 --frames 81 --time 2h
  videosdgx models plan ./wan-14b.bundle --size 832x480x81 --size 1280x720x81
  videosdgx models plan wan21-tiny --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: bundleNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&f.target, "target", "", "GPU that the plans are for, such as sm_121, DGX Spark's (default: this machine's)")
	cmd.Flags().IntVar(&f.one.Width, "width", 0, "width in pixels of the largest clip (default: the model's)")
	cmd.Flags().IntVar(&f.one.Height, "height", 0, "height in pixels of the largest clip (default: the model's)")
	cmd.Flags().IntVar(&f.one.Frames, "frames", 0, "frames of the largest clip (default: the model's)")
	cmd.Flags().StringArrayVar(&f.sizes, "size", nil, "largest clip of a class of resolutions, as WIDTHxHEIGHTxFRAMES; may be given several times")
	cmd.Flags().StringVar(&f.workspace, "workspace", "8GiB", "the most scratch memory on the GPU that a plan's kernels may take; 0 is TensorRT's own limit")
	for _, one := range []string{"width", "height", "frames"} {
		cmd.MarkFlagsMutuallyExclusive("size", one)
	}
	cmd.Flags().DurationVar(&f.o.Time, "time", time.Hour, "the longest that one plan may take to build")
	cmd.Flags().StringVar(&f.memory, "memory", "", "the most address space that the builder may take, such as 64GiB (default: no limit)")
	cmd.Flags().BoolVar(&f.ranges, "ranges", true, "have products of an INT8 bundle multiply in INT8: small clips are made here, to measure the ranges for it")
	cmd.Flags().BoolVar(&f.o.Again, "again", false, "build plans that are there already")
	completesOneOf(cmd, "target", "sm_121\tDGX Spark (GB10)", "sm_120\tRTX 50", "sm_89\tRTX 40, L4, L40", "sm_86\tRTX 30, A10", "sm_80\tA100")
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func (f *planFlags) run(cmd *cobra.Command, arg string) (err error) {
	if err := f.parse(); err != nil {
		return usage(err)
	}
	dir, err := modelPath(cmd, arg)
	if err != nil {
		return err
	}
	m, err := weights.ReadManifest(dir)
	if err != nil {
		return err
	}
	family, _ := known.Named(m.Family)
	if !plannable(family) {
		return fmt.Errorf("TensorRT's plans are built for bundles of %s; %s is of %s and needs none: its graphs for cuda run on a GPU as they are, `videosdgx models build --engines cpu,cuda` has them: %w",
			strings.Join(known.Names(plannable), ", "), dir, m.Family, errdefs.ErrNotImplemented)
	}
	if f.ranges {
		f.o.Open = family.Open
	}
	all, err := f.build(cmd, dir, family.Shapes)
	if err != nil {
		return slow(err)
	}
	out := map[string]any{"bundle": dir, "plans": all}
	said := decoded(m.Precision, all)
	if f.o.Capability == 0 {
		pace, err := serve.ComparePlans(cmd.Context(), dir, family.Open)
		if err != nil {
			return fmt.Errorf("the plans are built, and were not accepted: %w", err)
		}
		out["speed"], said = pace, said+"\nThe plans are "+pace.String()+". "+chosenBy(pace)+"\n"
	}
	return emit(cmd, out, func(w io.Writer) error {
		if err := printPlans(w, all); err != nil {
			return err
		}
		_, err := io.WriteString(w, said)
		return err
	})
}

// slow says of a build that took too long what gives it longer.
func slow(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errors.New(strings.TrimSuffix(err.Error(), ": "+context.DeadlineExceeded.Error()) + "; --time allows more, and plans that are finished stay")
}

// decoded says what plans make of weights in a format that TensorRT has no type for, or multiplies in only where ranges were measured; "" for others.
func decoded(precision string, plans []serve.BuiltPlan) string {
	var in8 []string
	for _, p := range plans {
		if p.Int8 {
			in8 = append(in8, p.Graph)
		}
	}
	switch {
	case precision == "nf4":
		return "\nTensorRT has no type for NF4: these plans hold such weights in half precision.\n"
	case len(in8) > 0:
		return "\nThe plans of " + strings.Join(in8, ", ") + " multiply in INT8.\n"
	case precision == "int8":
		return "\nThese plans hold INT8 weights in half precision: products in INT8 need ranges, which were not measured.\n"
	}
	return ""
}

// chosenBy says what functions do with plans of a pace.
func chosenBy(p serve.Pace) string {
	if p.Slower() {
		return "`engine: auto` takes ONNX Runtime; `engine: tensorrt` takes them all the same."
	}
	return "`engine: auto` takes them."
}

var capability = regexp.MustCompile(`^(?:sm_?)?([1-9]\d?)\.?(\d)$`) // sm_121, 121, 12.1

// parse reads the target and the memory.
func (f *planFlags) parse() error {
	if f.target != "" {
		m := capability.FindStringSubmatch(f.target)
		if m == nil {
			return fmt.Errorf("--target is %q: a compute capability such as sm_121 would do", f.target)
		}
		f.o.Capability, _ = strconv.Atoi(m[1] + m[2]) // three digits at most
	}
	if f.o.Time <= 0 {
		return fmt.Errorf("--time is %s: a time such as 1h would do", f.o.Time)
	}
	if c := f.one; c.Width < 0 || c.Height < 0 || c.Frames < 0 {
		return fmt.Errorf("--width, --height and --frames are whole numbers from 1 on")
	}
	f.o.Sizes = []bundle.ClipSize{f.one}
	if len(f.sizes) > 0 {
		f.o.Sizes = nil
	}
	for _, text := range f.sizes {
		m := clipSize.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("--size is %q: WIDTHxHEIGHTxFRAMES such as 832x480x81 would do", text)
		}
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[1+i]) // five digits at most
		}
		f.o.Sizes = append(f.o.Sizes, bundle.ClipSize{Width: n[0], Height: n[1], Frames: n[2]})
	}
	var err error
	if f.o.Workspace, err = bytesOf("workspace", f.workspace); err != nil {
		return err
	}
	f.o.Memory, err = bytesOf("memory", f.memory)
	return err
}

// clipSize is such as 832x480x81.
var clipSize = regexp.MustCompile(`^([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})$`)

// bytesOf reads a flag of bytes; "" is 0.
func bytesOf(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	var n spec.Bytes
	if err := n.UnmarshalText([]byte(text)); err != nil {
		return 0, fmt.Errorf("--%s: %w", flag, err)
	}
	return int64(n), nil
}

// build has the plans built, and tells what is done for each graph.
func (f *planFlags) build(cmd *cobra.Command, dir string, shapes func(weights.Manifest) (bundle.Shapes, error)) ([]serve.BuiltPlan, error) {
	said := map[string]string{}
	out := cmd.ErrOrStderr()
	f.o.Tell = func(graph string, r tensorrt.Report) {
		name, _, _ := strings.Cut(filepath.Base(graph), ".")
		text := r.Phase
		if r.Library != "" {
			text = "with " + r.Library
		}
		if r.Said != "" {
			text = r.Said
		}
		if text != "" && said[name] != text {
			said[name] = text
			fmt.Fprintf(out, "%s: %s\n", name, text)
		}
	}
	return serve.BuildPlans(cmd.Context(), dir, shapes, f.o)
}

func printPlans(w io.Writer, all []serve.BuiltPlan) error {
	rows := make([][]string, 0, len(all))
	for _, p := range all {
		took := fmt.Sprintf("%.1fs", p.Seconds)
		if p.Found {
			took = "was there"
		}
		rows = append(rows, []string{p.Graph, p.Target, p.Library, bytesText(p.Bytes), took, p.Path})
	}
	return table(w, []string{"graph", "target", "library", "size", "built in", "plan"}, rows)
}
