package tensorrt_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// TestABuildKnowsWhatAnEarlierOneTried: and does not where that was damaged, which is told and built all the same.
func TestABuildKnowsWhatAnEarlierOneTried(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CUDA_VISIBLE_DEVICES", "this-is-the-planner")
	model := enginetest.Write(t, func(b *onnx.Builder) {
		b.Output("y", b.Op("Identity", []onnx.Value{b.Input("x", onnx.Float32, 4)}), onnx.Float32, 4)
	})
	dir := t.TempDir()
	path, timing := filepath.Join(dir, "x.plan"), filepath.Join(dir, "gpu.timing")
	b := tensorrt.Builder{Install: faketrt.Load(t).Install, Planner: exe, Timing: timing}
	build := func(what, given, said string) {
		t.Helper()
		var told []string
		err := b.Build(context.Background(), tensorrt.Recipe{Model: model}, path, func(r tensorrt.Report) {
			if r.Said != "" {
				told = append(told, r.Said)
			}
		})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if plan, _ := os.ReadFile(path); string(plan) != "fake 121\nmemory "+given+"\n" {
			t.Errorf("%s: the builder was given %q", what, plan)
		}
		if s := strings.Join(told, "; "); said == "" && s != "" || !strings.Contains(s, said) {
			t.Errorf("%s: it says %q", what, s)
		}
		left, _ := os.ReadDir(dir)
		if len(left) != 2 {
			t.Errorf("%s: %v are there", what, left)
		}
	}
	build("the first", "0", "")
	build("the second", "5", "")
	raw, err := os.ReadFile(timing)
	if err != nil {
		t.Fatal(err)
	}
	const damaged = "gpu.timing is not what was written there"
	for n := range raw {
		write(t, timing, raw[:n])
		if n%5 == 0 {
			build("cut off", "0", damaged)
		}
	}
	flipped := append([]byte{}, raw...)
	flipped[len(raw)-1] ^= 1
	write(t, timing, flipped)
	build("a byte changed", "0", damaged)
	if err := os.Remove(timing); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(timing, 0o600); err != nil {
		t.Fatal(err)
	}
	build("a pipe", "0", "gpu.timing is no regular file")
	build("after it", "5", "")
	crash := append(binary.LittleEndian.AppendUint32([]byte("vdxtime1"), crc32.Checksum([]byte("crash"), crc32.MakeTable(crc32.Castagnoli))), "crash"...)
	write(t, timing, crash)
	build("one of which the builder dies", "0", "TensorRT's builder died")
	build("after it", "5", "")
}

func write(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTimingIsOfOneGPUAndDriver: plans of TensorRT keep what was tried for each, those of TensorRT-RTX try nothing.
func TestTimingIsOfOneGPUAndDriver(t *testing.T) {
	dir := t.TempDir()
	planner, order := filepath.Join(dir, "planner"), filepath.Join(dir, "order")
	script := "#!/bin/sh\ncat >" + order + "\necho plan >&3\necho '{\"ended\":true}'\n"
	if err := os.WriteFile(planner, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, c := range []struct {
		library string
		on      tensorrt.Target
	}{
		{"TensorRT 10.14.1", tensorrt.Target{Capability: 90, Name: "NVIDIA H200", Driver: "580.1"}},
		{"TensorRT 10.14.1", tensorrt.Target{Capability: 90, Name: "NVIDIA H200", Driver: "580.2"}},
		{"TensorRT 10.14.1", tensorrt.Target{Capability: 90, Name: "NVIDIA H100", Driver: "580.1"}},
		{"TensorRT 11.0.0", tensorrt.Target{Capability: 90, Name: "NVIDIA H200", Driver: "580.1"}},
		{"TensorRT-RTX 1.6.1", tensorrt.Target{Capability: 121}},
	} {
		ordered := func(digest string) (o tensorrt.Order) {
			t.Helper()
			p := &tensorrt.Plans{Dir: dir, Library: c.library, Digest: digest, Builder: &tensorrt.Builder{Planner: planner}}
			if _, err := p.Plan(context.Background(), "/b/transformer.tensorrt.onnx", c.on); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(order)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			return o
		}
		o := ordered("sha256:1")
		if again := ordered("sha256:2"); again.Timing != o.Timing {
			t.Errorf("%d: another bundle's build is given %q, not %q", i, again.Timing, o.Timing)
		}
		if rtx := c.library == "TensorRT-RTX 1.6.1"; rtx != (o.Timing == "") || rtx != (o.Tried == "") || seen[o.Timing] {
			t.Errorf("%d: %q and %q, beside %v", i, o.Timing, o.Tried, seen)
		}
		seen[o.Timing] = true
	}
}
