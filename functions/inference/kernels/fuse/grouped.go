package fuse

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// channelGroup is how many channels the CPU's convolution computes together.
const channelGroup = 16

// grouped is a convolution's weight [out, in, frames, height, width] as [out / 16, taps, in, 16], with zeros where the channels are
// no multiple of 16.
func (g *graph) grouped(weight string) string {
	w, name := g.weights[weight], weight+".grouped"
	if g.weights[name] == nil {
		taps, content := w.Dims[2]*w.Dims[3]*w.Dims[4], w.Content
		groups, in := ceilDiv(w.Dims[0], channelGroup), ceilDiv(w.Dims[1], channelGroup)*channelGroup
		g.weights[name] = &onnx.Tensor{Name: name, Type: w.Type, Dims: []int64{groups, taps, in, channelGroup}, Content: func(to io.Writer) error {
			return writeGrouped(to, content, w.Dims[0], w.Dims[1], taps)
		}}
	}
	return name
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// writeGrouped holds the weight of one group of out channels at a time.
func writeGrouped(to io.Writer, content func(io.Writer) error, out, in, taps int64) error {
	g := &grouper{to: to, in: in, taps: taps, row: int(4 * in * taps)}
	if err := content(g); err != nil {
		return err
	}
	if g.held.Len() == 0 {
		return nil
	}
	return g.flush(out % channelGroup)
}

type grouper struct {
	to       io.Writer
	in, taps int64
	row      int // bytes of one out channel
	held     bytes.Buffer
}

func (g *grouper) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		most := min(channelGroup*g.row-g.held.Len(), len(b))
		g.held.Write(b[:most])
		b = b[most:]
		if g.held.Len() == channelGroup*g.row {
			if err := g.flush(channelGroup); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush writes the out channels that are held.
func (g *grouper) flush(out int64) error {
	padded := ceilDiv(g.in, channelGroup) * channelGroup
	turned, held := make([]byte, 4*g.taps*padded*channelGroup), g.held.Bytes()
	for o := range out {
		for i := range g.in {
			for t := range g.taps {
				v := binary.LittleEndian.Uint32(held[4*((o*g.in+i)*g.taps+t):])
				binary.LittleEndian.PutUint32(turned[4*((t*padded+i)*channelGroup+o):], v)
			}
		}
	}
	g.held.Reset()
	_, err := g.to.Write(turned)
	return err
}
