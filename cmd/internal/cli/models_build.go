package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/runtime/device"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// buildFlags are the choices of models build.
type buildFlags struct {
	out, base, memory, preset string
	engines, loras            []string
	merge                     []bundle.LoRA // what loras says
	plan                      bool
	clip                      bundle.ClipSize
	o                         bundle.Options
	quota                     *modelsQuota
}

func newModelsBuildCmd() *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "build CHECKPOINT",
		Short: "Turn a checkpoint into a bundle",
		Long: `Turn the checkpoint in a folder (diffusers layout, safetensors of any type, sharded or not) into a bundle.

Graphs are built and optimised now, so that opening the bundle takes milliseconds; weights are laid out page-aligned, so
that they are mapped and never copied. Where the checkpoint has a SHA256SUMS file, as models pull writes it, every file is
held to it first. A bundle that is already there is replaced once the new one is complete.

--quant chooses what the large products' weights are held as; embeddings and the other linear layers become BF16 then, and
norms, convolutions and tables stay float32. Left at auto, it is FP8 for Wan and Waver; for MAGI-1 and LTX-2 NVFP4 where the
GPU multiplies it (Blackwell: compute capability 10.0 and later, of this machine or of --compute), else NF4. Weights stream: a checkpoint of any size takes less than 1 GB of memory. A
build that was interrupted goes on where it was when the same command is given again.

--activations chooses what the diffusion transformer of --engines cuda computes in: its products take and give numbers of this type,
what it sums up over its blocks stays float32. Left at auto, it is FP16 for Wan, LTX-2 (its text encoder and connectors too) and MAGI-1,
which BF16 takes more than 2 % from the reference, and BF16 for Waver. A number beyond FP16 fails the clip, and says so: bf16 has room
for it. Other text encoders compute in BF16, Wan's autoencoder in FP16, the CPU in float32.

--lora merges a LoRA into the weights before they are quantized, and may be given several times. The result is a bundle
beside the plain one (--base, which is built where it is not there): it stores the weights that change and shares the rest
by hard links. A function serves it as any other: name it in function.yaml.`,
		Example: `  videosdgx models build images/demo/wan21-tiny -o wan21-tiny.bundle
  videosdgx models build ./Wan2.1-T2V-14B-Diffusers --name wan-14b --quant fp8
  videosdgx models build ./wan21-tiny --lora striped.safetensors:0.8 -o striped.bundle
  videosdgx models build ./Wan2.2-T2V-A14B-Diffusers --lora transformer=high.safetensors --lora transformer_2=low.safetensors
  videosdgx models build ./LTX-2 --lora stage_2=ltx-2-19b-distilled-lora-384.safetensors:0.8
  videosdgx models build ./Wan2.1-T2V-14B-Diffusers --quant nf4 --plan --width 1280 --height 720 --frames 81`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVarP(&f.out, "output", "o", "", "folder of the bundle (default MODELS/NAME)")
	cmd.Flags().StringVar(&f.o.Name, "name", "", "name of the model (default: the checkpoint folder's name)")
	cmd.Flags().StringVar(&f.o.Precision, "quant", "", "what weights are held as: auto, "+strings.Join(bundle.Precisions(), ", ")+" (default: auto, the model family's for the GPU)")
	cmd.Flags().StringVar(&f.o.Activations, "activations", "", "what a GPU computes in: auto, "+strings.Join(bundle.Activations(), ", ")+" (default: auto, the model family's)")
	cmd.Flags().StringVar(&f.o.Capability, "compute", "", "compute capability of the GPU that the bundle is for, such as 12.1 (default: this machine's)")
	cmd.Flags().StringSliceVar(&f.engines, "engines", []string{"cpu"}, "what the bundle gets graphs for: cpu, cuda, tensorrt (which need no GPU here)")
	cmd.Flags().StringArrayVar(&f.loras, "lora", nil, "a LoRA to merge in, as [COMPONENT=]FILE[:STRENGTH] or the name of one in MODELS/loras; may be repeated")
	cmd.Flags().StringVar(&f.base, "base", "", "bundle that one with LoRAs shares its other weights with (default MODELS/NAME)")
	_ = cmd.RegisterFlagCompletionFunc("lora", func(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return loraCompletions(cmd, word), cobra.ShellCompDirectiveDefault
	})
	cmd.Flags().StringVar(&f.preset, "distilled", "", "the model, or a LoRA, is step-distilled: "+strings.Join(known.Presets(), ", ")+", or JSON with denoising_step_list and sample_shift (default: what its files say)")
	completesOneOf(cmd, "distilled", known.Presets()...)
	completesOneOf(cmd, "quant", append([]string{bundle.Auto}, bundle.Precisions()...)...)
	completesOneOf(cmd, "activations", append([]string{bundle.Auto}, bundle.Activations()...)...)
	completesOneOf(cmd, "compute", "12.1", "12.0", "10.0", "9.0", "8.9", "8.0")
	completesOneOf(cmd, "engines", "cpu", "cuda", "tensorrt", "cpu,cuda", "cpu,cuda,tensorrt")
	cmd.Flags().StringVar(&f.memory, "memory", "", "memory of the device, such as 24GiB: attention is cut into slices where a stage would not fit")
	cmd.Flags().BoolVar(&f.plan, "plan", false, "print what each tensor becomes, sizes and memory, and build nothing")
	cmd.Flags().IntVar(&f.clip.Width, "width", 0, "width in pixels that --plan counts memory for (default: the model's)")
	cmd.Flags().IntVar(&f.clip.Height, "height", 0, "height in pixels that --plan counts memory for (default: the model's)")
	cmd.Flags().IntVar(&f.clip.Frames, "frames", 0, "frames that --plan counts memory for (default: the model's)")
	addModelsFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func (f *buildFlags) run(cmd *cobra.Command, checkpoint string) error {
	if err := f.name(checkpoint); err != nil {
		return err
	}
	family, err := familyOf(checkpoint)
	if err != nil {
		return err
	}
	recipe := family.Recipe
	if f.preset != "" {
		recipe = f.distilled(recipe)
	}
	if f.memory != "" {
		var memory spec.Bytes
		if err := memory.UnmarshalText([]byte(f.memory)); err != nil {
			return usage(fmt.Errorf("--memory: %w", err))
		}
		f.o.Memory = int64(memory)
	}
	if f.o.Capability == "" {
		f.o.Capability = device.Compute()
	}
	if f.o.Targets, err = serve.Targets(f.engines); err != nil {
		return usage(err)
	}
	if err := f.check(lorasDir(cmd)); err != nil {
		return err
	}
	if f.plan {
		p, err := f.planned(cmd.Context(), checkpoint, recipe)
		if err != nil {
			return err
		}
		return emit(cmd, plan{p, f.o.Memory}, plan{p, f.o.Memory}.print)
	}
	make := f.build
	if len(f.merge) > 0 {
		make = f.derive
	} else if f.out == "" {
		f.out = filepath.Join(modelsDir(cmd), f.o.Name)
	}
	if f.quota, err = quotaOf(cmd); err != nil {
		return err
	}
	built, err := make(cmd, checkpoint, recipe)
	if err != nil {
		return err
	}
	return emit(cmd, built, built.print)
}

// check refuses what can be told before anything is opened or built.
func (f *buildFlags) check(loras string) error {
	asked := f.o.Precision
	f.o.Precision = strings.ToLower(asked)
	if p := f.o.Precision; p != "" && p != bundle.Auto && !slices.Contains(bundle.Precisions(), p) {
		return usage(fmt.Errorf("--quant %q is not known: %s, %s would do", asked, bundle.Auto, strings.Join(bundle.Precisions(), ", ")))
	}
	asked, f.o.Activations = f.o.Activations, strings.ToLower(f.o.Activations)
	if a := f.o.Activations; a != "" && a != bundle.Auto && !slices.Contains(bundle.Activations(), a) {
		return usage(fmt.Errorf("--activations %q is not known: %s, %s would do", asked, bundle.Auto, strings.Join(bundle.Activations(), ", ")))
	}
	for _, text := range f.loras {
		l, err := parseLoRA(loras, text)
		if err != nil {
			return err
		}
		f.merge = append(f.merge, l)
	}
	return nil
}

// planned is what would be built.
func (f *buildFlags) planned(ctx context.Context, checkpoint string, recipe serve.Recipe) (bundle.Plan, error) {
	if len(f.merge) > 0 {
		return serve.PlanDerived(ctx, checkpoint, recipe, f.merge, f.o, f.clip)
	}
	return serve.Plan(checkpoint, recipe, f.o, f.clip)
}

// distilled is a recipe of a model that is walked in few steps, as --distilled says: whatever its LoRAs do.
func (f *buildFlags) distilled(recipe serve.Recipe) serve.Recipe {
	return func(c *weights.Checkpoint) (bundle.Recipe, error) {
		r, err := recipe(c)
		if err != nil {
			return r, err
		}
		if r.Preset == nil {
			return r, usage(fmt.Errorf("--distilled: models of the family %s have no such schedules", r.Family))
		}
		preset := r.Preset
		r.Preset = func(r *bundle.Recipe, _ map[string]string) error {
			return preset(r, map[string]string{bundle.DistilledKey: f.preset})
		}
		return r, r.Preset(&r, nil)
	}
}

// name checks the model's name, or takes that of the checkpoint's folder.
func (f *buildFlags) name(checkpoint string) error {
	if f.o.Name == "" {
		abs, err := filepath.Abs(checkpoint)
		if err != nil {
			return err
		}
		f.o.Name = filepath.Base(abs)
	}
	if strings.ContainsAny(f.o.Name, `/\`) {
		return usage(fmt.Errorf("%q is not a model's name: it is that of a folder, without %q", f.o.Name, '/'))
	}
	return aName("a model's name", f.o.Name)
}

func (f *buildFlags) build(cmd *cobra.Command, checkpoint string, recipe serve.Recipe) (builtBundle, error) {
	start := time.Now()
	bars := newBars(cmd.ErrOrStderr())
	bar := bars.add(f.o.Name, 0)
	f.o.Progress = bar.set
	fmt.Fprintf(cmd.ErrOrStderr(), "building %s\n", f.out)
	f.o.Room = f.quota.room(f.out)
	m, err := serve.Build(cmd.Context(), checkpoint, f.out, recipe, f.o)
	bar.end(err == nil)
	bars.wait()
	if err == nil {
		err = weights.RememberCheckpoint(f.out, checkpoint)
	}
	if err != nil {
		return builtBundle{}, err
	}
	return builtBundle{Path: f.out, Name: m.Name, Family: m.Family, Digest: m.Digest, Files: len(m.Files), Bytes: m.Bytes(),
		Seconds: float64(time.Since(start).Milliseconds()) / 1000, Precision: m.Precision, Chosen: m.Chosen, Activations: m.Activations, Because: m.ActivationsChosen, License: m.License}, nil
}

// bytesText writes a size in bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/unit, 0
	for v >= unit && i < 3 {
		v, i = v/unit, i+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGT"[i])
}
