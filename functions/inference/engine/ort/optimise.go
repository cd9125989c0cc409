package ort

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Optimise rewrites the model at from into to with the optimisations that are right on every machine of this kind: no
// memory layouts of one CPU, fusions into the library's own operators.
func (e *Engine) Optimise(ctx context.Context, from, to string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	fused := to + ".fused"
	if err := rewrite(from, fused, fuseAttention); err != nil {
		return fmt.Errorf("optimise: %w", err)
	}
	defer os.Remove(fused)
	s, err := e.open(ctx, fused, engine.Options{Optimise: true}, func(s *settings) {
		s.do(func() *C.OrtStatus { return C.ort_optimised_path(s.o, s.c(to)) })
	})
	if err != nil {
		return fmt.Errorf("optimise: %w", err)
	}
	return s.Close()
}

// rewrite applies change to the model file at from and stores the result at to.
func rewrite(from, to string, change func(*onnx.Model)) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		return err
	}
	change(m)
	if raw, err = m.Encode(); err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}
