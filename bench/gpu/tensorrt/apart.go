package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// apart copies a graph's weights into a file where none overlaps another, as they lie in a bundle: TensorRT tells weights by
// their address.
func apart(graph string) (err error) {
	raw, err := os.ReadFile(graph)
	if err != nil {
		return err
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		return err
	}
	const name = "weights.bin"
	out, err := os.Create(filepath.Join(filepath.Dir(graph), name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	end := int64(0)
	for i := range m.Graph.Initializers {
		x := m.Graph.Initializers[i].External
		if x == nil {
			continue
		}
		if err := piece(out, end, filepath.Join(filepath.Dir(graph), x.Location), x); err != nil {
			return err
		}
		m.Graph.Initializers[i].External = &onnx.External{Location: name, Offset: end, Length: x.Length}
		end = (end + x.Length + 4095) &^ 4095
	}
	if raw, err = m.Encode(); err != nil {
		return err
	}
	return os.WriteFile(graph, raw, 0o600)
}

func piece(out io.WriterAt, at int64, from string, x *onnx.External) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(io.NewOffsetWriter(out, at), io.NewSectionReader(in, x.Offset, x.Length))
	return err
}
