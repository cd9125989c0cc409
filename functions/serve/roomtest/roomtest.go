// Package roomtest holds what a model counts of memory for clips to what an instance takes that makes them.
package roomtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// The environment of a child of the test, which makes a clip while its memory is measured: the bundle, and the clip's size. SizesEnv
// may name other sizes in the test's own too: large ones take minutes.
const (
	BundleEnv = "VIDEOSDGX_TEST_ROOM_BUNDLE"
	SizesEnv  = "VIDEOSDGX_TEST_ROOM_SIZES"
)

// Family is a model family under test.
type Family struct {
	Bundle func(t testing.TB) string // a built one
	Open   serve.Opener
	Sizes  string                                 // of clips, such as "64x64x9 256x256x9"
	Fields func(c bundle.ClipSize) map[string]any // of the request besides the usual ones; nil: none
	Stages func(m handler.Model, c bundle.ClipSize) ([]bundle.Stage, error)
}

// Run makes a clip of each size in a process of its own: it must not take more of its own than was counted, and the count must not be
// a guess far above. The encoder is another process: package media has its test.
func Run(t *testing.T, f Family) {
	t.Helper()
	if dir := os.Getenv(BundleEnv); dir != "" {
		f.makeOne(t, dir)
		return
	}
	dir, sizes := f.Bundle(t), os.Getenv(SizesEnv)
	if sizes == "" {
		sizes = f.Sizes
	}
	for _, size := range strings.Fields(sizes) {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "30m")
		cmd.Env = append(os.Environ(), BundleEnv+"="+dir, SizesEnv+"="+size)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, said, _ := strings.Cut(string(out), "ROOM ")
		said, _, _ = strings.Cut(said, "\n")
		t.Log(said)
	}
}

// makeOne makes a clip with sound where the model has it.
func (f Family) makeOne(t *testing.T, dir string) {
	t.Helper()
	var c bundle.ClipSize
	if _, err := fmt.Sscanf(os.Getenv(SizesEnv), "%dx%dx%d", &c.Width, &c.Height, &c.Frames); err != nil {
		t.Fatal(err)
	}
	m, err := serve.Open(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m.Memory = 1 << 50 // some limit
	model, err := f.Open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(model)
	stages, err := f.Stages(model, c)
	if err != nil {
		t.Fatal(err)
	}
	most := bundle.Plan{Stages: stages}.Peak()
	encoder := m.Beside(c) - handler.Beside(0, 0)
	counted := most.Weights + most.Activations - encoder
	f.generate(t, model, c)
	took := status(t, "VmHWM") - status(t, "RssFile")
	fmt.Printf("ROOM %s: counted %.0f MB (%s) and %.0f of the encoder, took %.0f\n", os.Getenv(SizesEnv), float64(counted)/1e6, most.Graph, float64(encoder)/1e6, float64(took)/1e6)
	if took > counted || counted > 3*took+m.Beside(c) {
		t.Errorf("counted %d bytes, took %d", counted, took)
	}
}

func (f Family) generate(t *testing.T, model handler.Model, c bundle.ClipSize) {
	t.Helper()
	h, err := handler.New(model, slog.New(slog.NewTextHandler(io.Discard, nil)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	request := map[string]any{"prompt": "a big red circle moving right on a navy background", "width": c.Width, "height": c.Height, "num_frames": c.Frames, "num_inference_steps": 2}
	if f.Fields != nil {
		maps.Copy(request, f.Fields(c))
	}
	event, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(context.Background(), event); err != nil {
		t.Fatal(err)
	}
}

// status is a line of this process's, in bytes. The peak of all that is resident, less the files that are at the end, is anonymous
// memory: files come and stay.
func status(t *testing.T, name string) (kb int64) {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			fmt.Sscanf(rest, "%d kB", &kb)
		}
	}
	if kb == 0 {
		t.Fatalf("the kernel says nothing of %s", name)
	}
	return kb << 10
}
