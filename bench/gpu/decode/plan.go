package main

import (
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// next ends the name of what one run leaves for the one after it.
const next = ".next"

// graph is one of the decoder's, as a GPU runs it.
func graph(first bool) (*onnx.Model, error) {
	net, err := vae.Decoder(vae.Config{}, first, nn.Options{})
	if err != nil {
		return nil, err
	}
	m, err := net.Model()
	if err != nil {
		return nil, err
	}
	return m, fuse.CUDA(m, fuse.Options{})
}

// planned is what the arenas of both graphs have of a GPU at most, in bytes, in clips of a size: without a GPU, by the memory
// that each node of the graphs takes. Beside it there are weights and what the libraries take for themselves.
func planned(height, width int64, shrink bool) (most int64, err error) {
	var graphs [2]*onnx.Model
	for i := range graphs {
		if graphs[i], err = graph(i == 0); err != nil {
			return 0, err
		}
	}
	var arenas [2]footprint.Arena
	over, dims := map[string]string{}, map[string]int64{"height": height, "width": width, "frames": 1}
	for _, o := range graphs[1].Graph.Outputs {
		if state, ok := strings.CutSuffix(o.Name, next); ok {
			over[o.Name] = state // a state is written over the one before it
		}
	}
	for range 2 { // the second clip finds what the first one has left
		states := footprint.Held{}
		for run := range 3 {
			which := min(run, 1)
			out, err := arenas[which].Run(graphs[which], dims, states, func(o string) bool { return strings.HasSuffix(o, next) }, over)
			if err != nil {
				return 0, fmt.Errorf("run %d: %w", run, err)
			}
			states = footprint.Held{}
			for name, v := range out {
				states[strings.TrimSuffix(name, next)] = v
			}
			most = max(most, arenas[0].Bytes()+arenas[1].Bytes())
			if run == 0 && shrink {
				arenas[0].Shrink()
			}
		}
		states.Free()
	}
	return most, nil
}

// plan tells of every size what is planned.
func (b *bench) plan() error {
	for _, size := range sizes {
		for _, shrink := range []bool{false, true} {
			n, err := planned(size.height, size.width, shrink)
			if err != nil {
				return fmt.Errorf("%s: %w", size.name, err)
			}
			name := "decode_" + size.name + "_planned_mib"
			if !shrink {
				name = "decode_" + size.name + "_planned_kept_mib"
			}
			b.report.Figure(name, float64(n>>20))
		}
	}
	return nil
}
