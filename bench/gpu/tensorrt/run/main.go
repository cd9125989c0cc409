// Command run asks what TensorRT's plans do on a GPU, beside ONNX Runtime's CUDA provider in the same run: whether the demo's
// components agree with float32, in FP16 and in INT8; whether its clips show their prompts as often; how long plans take to
// build and to come to their first step, and whether closing them gives all memory back; and what the published shapes of
// Wan 2.1 cost. It needs a TensorRT whose builder knows the GPU (8.6 for an H100), the shims and the planner; see ../README.md.
//
// With -rehearse ONNX Runtime runs the graphs as TensorRT 8.6 gets them, in the place of plans and on any machine: what is
// wrong with their form shows there, and what INT8 costs in quality.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

type bench struct {
	checkpoint, dir string
	plans           string // folder of the plans, which several runs may share
	partial         string // file that gets the report whenever it grows
	n, atOnce       int
	rehearse        bool
	at              engine.Device // of the plans
	beside          engine.Device // of ONNX Runtime
	mu              sync.Mutex    // around the report: plans are built, and clips judged, at once
	report          *harness.Report
	ort             *ort.Engine
	install         tensorrt.Install
	lib             *tensorrt.Library
	limit           time.Duration // of one build
	level           int           // the builder's, of optimisation
	vaeLevel        int           // the same for the VAE's plans; negative: level
	half            bool          // see tensorrt.Recipe.HalfFirst
	builders        int           // at once, of the demo's plans
	watched         *record.Engine
	want            func() (verdict.Score, error) // of the clips in float32
	profiles        sync.Map                      // in a rehearsal: what the plan in whose place a graph stands would take, by its path
}

func main() {
	b := bench{}
	flag.StringVar(&b.checkpoint, "checkpoint", "images/demo/wan21-tiny", "the demo checkpoint")
	flag.IntVar(&b.n, "n", 96, "prompts that are judged; 0: none")
	flag.IntVar(&b.atOnce, "at-once", 2, "clips at once")
	flag.BoolVar(&b.rehearse, "rehearse", false, "have ONNX Runtime run the graphs in the place of plans")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder for bundles, plans and weights: about 12 GB for the published shapes; memory is best")
	flag.IntVar(&b.level, "level", 1, "the builder's optimisation level, 0 to 5: TensorRT's own is 3, at which the demo's VAE took more than six minutes")
	flag.IntVar(&b.vaeLevel, "vae-level", -1, "the level of the demo's VAE, by default -level")
	flag.DurationVar(&b.limit, "limit", 8*time.Minute, "the longest that one build may take; one that fails is tried again at level 0")
	flag.StringVar(&b.plans, "plans", "", "folder where plans stay, for another run of this program too, which may be at work at the same time")
	flag.BoolVar(&b.half, "half", false, "have convolutions and products in FP16 alone, which spares the builder the trying of float32")
	flag.IntVar(&frames, "frames", 81, "frames of stage dit")
	picture := flag.String("picture", "480x832", "height and width of stage vae")
	device := flag.String("device", "cuda:0", "device")
	beside := flag.String("beside", "", "device of ONNX Runtime, by default the same; cpu where its CUDA provider is not there")
	flag.IntVar(&b.builders, "builders", 4, "plans of the demo that are built at once; their seconds are those of company")
	stages := flag.String("stages", "fp16,int8,auto,timing,vae,dit", "which questions, in their order")
	flag.StringVar(&b.partial, "partial", "", "file that gets the report whenever there is more of it")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("tensorrt", func(ctx context.Context) (err error) {
		b.report = harness.NewGPUReport(ctx, "tensorrt", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		if err := measures(*picture); err != nil {
			return err
		}
		if err := b.open(*device, *beside); err != nil {
			return err
		}
		if b.dir, err = os.MkdirTemp(b.dir, "videosdgx-tensorrt-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
		if b.plans == "" {
			b.plans = b.dir
		}
		if err := os.MkdirAll(b.plans, 0o755); err != nil {
			return err
		}
		for _, s := range strings.Split(*stages, ",") {
			if e := b.stage(ctx, s); e != nil { // the others' figures are worth having all the same
				b.note("%s: %v", s, e)
				err = errors.Join(err, fmt.Errorf("stage %s has not all of its figures", s))
			}
		}
		return err
	})
}

// open finds the device, ONNX Runtime for it, and TensorRT.
func (b *bench) open(device, beside string) (err error) {
	if b.at, err = engine.ParseDevice(device); err != nil {
		return err
	}
	if b.beside = b.at; beside != "" {
		if b.beside, err = engine.ParseDevice(beside); err != nil {
			return err
		}
	}
	if b.ort, err = ort.LoadFor(b.beside); err != nil {
		return err
	}
	if b.rehearse {
		return nil
	}
	all, err := tensorrt.Find()
	if err != nil {
		return err
	}
	b.install = all[0]
	if b.lib, err = tensorrt.Load(b.install); err != nil {
		return err
	}
	b.report.Notes = append(b.report.Notes, b.lib.Name()+", "+b.ort.Version())
	return nil
}

func (b *bench) stage(ctx context.Context, name string) error {
	fmt.Println("stage", name, time.Now().Format(time.TimeOnly))
	switch name {
	case "fp16":
		return b.demo(ctx, form{"fp16", bundle.None, 2e-2})
	case "int8":
		return b.demo(ctx, form{"int8", "int8", 0})
	case "auto":
		return b.auto(ctx)
	case "timing":
		return b.again(ctx)
	case "dit":
		return b.dit(ctx)
	case "vae":
		return b.vae(ctx)
	}
	return fmt.Errorf("there is no stage %q: fp16, int8, auto, timing, dit and vae would do", name)
}

// save writes the report so far; the lock is held. A run that is killed has left it.
func (b *bench) save() {
	if b.partial == "" {
		return
	}
	f, err := os.Create(b.partial + ".new")
	if err == nil {
		err = errors.Join(b.report.Print(f), f.Close())
	}
	if err == nil {
		err = os.Rename(b.partial+".new", b.partial)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "write the report so far:", err) // the report itself comes at the end
	}
}

func (b *bench) note(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := fmt.Sprintf(format, a...)
	fmt.Println(time.Now().Format(time.TimeOnly), s)
	b.report.Notes = append(b.report.Notes, s)
	b.save()
}

func (b *bench) figure(name string, v float64) { b.wanted(name, v, "") }

// wanted is a figure and what it should be. What is no number is told as a note: a report has numbers alone.
func (b *bench) wanted(name string, v float64, limit string) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		b.note("%s is %g", name, v)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Printf("%s %s %.5g\n", time.Now().Format(time.TimeOnly), name, v)
	b.report.Figure(name, v)
	if limit != "" {
		b.report.Want(name, limit)
	}
	b.save()
}

// seconds is how long f took.
func seconds(f func() error) (float64, error) {
	begin := time.Now()
	err := f()
	return time.Since(begin).Seconds(), err
}
