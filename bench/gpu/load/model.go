package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const weights = "weights.bin" // the file of all models

// fill writes the weights.
func fill(path string, bytes int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	raw := make([]byte, piece)
	for i := range raw {
		raw[i] = byte(rand.Uint32()) & 0x3f // finite as float32
	}
	for at := int64(0); at < bytes; at += piece {
		if _, err := f.Write(raw); err != nil {
			return err
		}
	}
	return nil
}

// model is a file of a graph whose result is the sum of the first numbers of its weights.
type model struct {
	path        string
	bytes, each int64
}

// write makes a model of so many bytes of the weights, cut in pieces.
func write(dir, name string, bytes, each int64) (model, error) {
	b := onnx.NewBuilder(name)
	y := b.Input("x", onnx.Float32, 1)
	var cut []onnx.Tensor
	for at := int64(0); at < bytes; at += each {
		w := fmt.Sprintf("w%d", at/each)
		cut = append(cut, onnx.Tensor{Name: w, Type: onnx.Float32, Dims: []int64{each / 4}, External: &onnx.External{Location: weights, Offset: at, Length: each}})
		y = b.Add(y, b.Slice(onnx.Value(w), 0, 0, 1))
	}
	b.Output("y", y, onnx.Float32, 1)
	m, err := b.Model()
	if err != nil {
		return model{}, err
	}
	m.Graph.Initializers = append(m.Graph.Initializers, cut...)
	raw, err := m.Encode()
	made := model{filepath.Join(dir, name+".onnx"), bytes, each}
	return made, errors.Join(err, os.WriteFile(made.path, raw, 0o600))
}

// check runs the model once: what was loaded is what the file has.
func (m model) check(ctx context.Context, s engine.Session) error {
	out, err := s.Run(ctx, engine.Values{"x": engine.Zeros(1)})
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(filepath.Dir(m.path), weights))
	if err != nil {
		return err
	}
	defer f.Close()
	var want float32
	for at := int64(0); at < m.bytes; at += m.each {
		var first [4]byte
		if _, err := f.ReadAt(first[:], at); err != nil {
			return err
		}
		want += math.Float32frombits(binary.LittleEndian.Uint32(first[:]))
	}
	if got := out.Float32("y")[0]; got != want {
		return fmt.Errorf("%s: the first numbers of its weights are %g together, and %g in the file", filepath.Base(m.path), got, want)
	}
	return nil
}
