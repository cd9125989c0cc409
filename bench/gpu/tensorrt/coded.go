package main

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// policy is how a bundle holds a model in a format: the layers' products in it, what stands around them in BF16.
func policy(f quant.Format) nn.Policy {
	p := nn.Policy{Activation: onnx.BFloat16}
	if f == quant.BF16 {
		return p
	}
	p.Linear = func(l nn.Linear) nn.Format {
		if !strings.Contains(l.Name, "block") {
			return nn.Quantized{Format: quant.BF16}
		}
		return nn.Quantized{Format: f, Dynamic: f == quant.FP8}
	}
	return p
}

// noise gives every parameter random values, of a row that repeats.
type noise struct {
	row  []float32
	dims map[string][]int64
}

// newNoise has what a graph asks for.
func newNoise(graph func(nn.Options) (*nn.Net, error)) (noise, error) {
	n, r := noise{make([]float32, 1<<20), map[string][]int64{}}, rand.New(rand.NewPCG(1, 2))
	net, err := graph(nn.Options{})
	if err != nil {
		return n, err
	}
	for _, p := range net.Params() {
		n.dims[p.Name] = p.Dims
	}
	for i := range n.row {
		n.row[i] = .02 * float32(r.NormFloat64())
	}
	return n, nil
}

func (n noise) Info(name string) (weights.Info, error) {
	return weights.Info{Name: name, DType: weights.F32, Shape: n.dims[name]}, nil
}

func (n noise) ReadFloat32(name string, at int64, dst []float32) error {
	h := fnv.New32()
	h.Write([]byte(name))
	for i := (int64(h.Sum32()) + at) % int64(len(n.row)); len(dst) > 0; i = 0 {
		dst = dst[copy(dst, n.row[i:]):]
	}
	return nil
}

// store writes a graph and its weights, none over another: TensorRT tells them by their address.
func store(dir string, m *onnx.Model) (path string, err error) {
	data, err := onnx.ResumeData(filepath.Join(dir, "weights.bin"), filepath.Join(dir, "journal"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Content != nil {
			if err := data.Add(t); err != nil {
				return "", err
			}
		}
	}
	raw, err := m.Encode()
	path = filepath.Join(dir, "graph.tensorrt.onnx")
	return path, errors.Join(err, os.WriteFile(path, raw, 0o600))
}

// builders watches the largest process that this one has started, until stop gives its greatest resident memory in bytes.
func builders() (stop func() int64) {
	ended, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		peak := int64(0)
		for {
			select {
			case <-tick.C:
				peak = max(peak, largestChild())
			case <-ended:
				most <- peak
				return
			}
		}
	}()
	return func() int64 { close(ended); return <-most }
}

func largestChild() (most int64) {
	tasks, _ := os.ReadDir("/proc/self/task") // a process that ended meanwhile has nothing to tell
	for _, t := range tasks {
		children, _ := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		for _, pid := range strings.Fields(string(children)) {
			n, _ := strconv.Atoi(pid)
			peak, _ := harness.Size(n, "VmHWM")
			most = max(most, peak)
		}
	}
	return most
}
