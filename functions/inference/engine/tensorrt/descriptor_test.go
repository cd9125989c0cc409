package tensorrt_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// The planner holds its plan's file nowhere but in the call that builds, and a build takes minutes: many collections of garbage.
func TestThePlansFileIsThereAtTheEndOfALongBuild(t *testing.T) {
	lib := faketrt.Load(t)
	t.Setenv("FAKE_BUILD_MS", "300")
	dir := t.TempDir()
	b := onnx.NewBuilder("small")
	b.Output("y", b.Op("Identity", []onnx.Value{b.Input("x", onnx.Float32, 1)}), onnx.Float32, 1)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	graph, plan := filepath.Join(dir, "graph.onnx"), filepath.Join(dir, "plan")
	if err := os.WriteFile(graph, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		fd, err := unix.Open(plan, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err != nil {
			done <- err
			return
		}
		done <- lib.Build(context.Background(), tensorrt.Recipe{Model: graph}, nil, os.NewFile(uintptr(fd), "plan"), nil)
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if raw, err := os.ReadFile(plan); err != nil || len(raw) == 0 {
				t.Errorf("the plan has %d bytes, %v", len(raw), err)
			}
			return
		case <-time.After(10 * time.Millisecond):
			runtime.GC()
		}
	}
}
