package ort

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// sparse stores a chain of distinct weights whose data file is all hole: real pages for the mapping, none on disk.
func sparse(t *testing.T, n, layers int64) string {
	t.Helper()
	b := onnx.NewBuilder("sparse")
	x := b.Input("x", onnx.Float32, "rows", n)
	for i := range layers {
		x = b.MatMul(x, b.Weight("w"+strconv.Itoa(int(i)), onnx.Float32, []int64{n, n}, nil))
	}
	b.Output("y", x, onnx.Float32, "rows", n)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	for i := range m.Graph.Initializers {
		w := &m.Graph.Initializers[i]
		w.External = &onnx.External{Location: "weights.bin", Offset: int64(i) * w.Bytes(), Length: w.Bytes()}
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(filepath.Dir(path), "weights.bin")
	for _, err := range []error{os.WriteFile(path, raw, 0o644), os.WriteFile(data, nil, 0o644), os.Truncate(data, 4*n*n*layers)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// anonymous is RssAnon of this process in bytes.
func anonymous(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(status, []byte("\n")) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "RssAnon:" {
			kb, err := strconv.ParseInt(string(f[1]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no RssAnon in /proc/self/status")
	return 0
}

func TestWeightsStayMapped(t *testing.T) {
	e := loaded(t)
	path := sparse(t, 2048, 32) // 512 MiB
	e.Trim()
	before, start := anonymous(t), time.Now()
	s, err := e.Open(context.Background(), path, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	opened := time.Since(start)
	if _, err := s.Run(context.Background(), engine.Values{"x": engine.Zeros(64, 2048)}); err != nil {
		t.Fatal(err)
	}
	e.Trim()
	grown := anonymous(t) - before
	t.Logf("512 MiB of weights: session in %s, anonymous memory grew by %.1f MB and is %.1f MB", opened, float64(grown)/1e6, float64(anonymous(t))/1e6)
	if grown > 20e6 {
		t.Errorf("anonymous memory grew by %d bytes: the weights were copied", grown)
	}
	if opened > 3*time.Second { // 10 ms when the machine is free
		t.Errorf("opening took %s: the weights were read", opened)
	}
}
