package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// latent is 81 frames of 480×832.
var latent = struct{ frames, height, width int64 }{21, 60, 104}

// vae times the decoding of a whole clip: the first latent frame, then one after the other with the caches on the device.
func (b *bench) vae(ctx context.Context) error {
	if b.rehearse {
		latent.frames, latent.height, latent.width = 2, 4, 4
	}
	dir := filepath.Join(b.dir, "vae")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	watched := record.New(b.ort)
	cuda, err := b.decoders(ctx, "cuda", watched, b.beside, func(first bool) (string, error) {
		m, err := decoder(first)
		if err == nil && !b.beside.Host() {
			err = fuse.CUDA(m, fuse.Options{})
		}
		if err != nil {
			return "", err
		}
		return random.Store(dir, "decoder_"+place(first)+".cuda.onnx", m)
	})
	if err != nil {
		return fmt.Errorf("with the CUDA provider: %w", err)
	}
	e := b.runs()
	defer e.Close()
	trt, err := b.decoders(ctx, "trt_fp16", e, b.at, func(first bool) (string, error) {
		m, err := decoder(first)
		if err != nil {
			return "", err
		}
		graph, err := random.Store(dir, "decoder_"+place(first)+".tensorrt.onnx", m)
		if err != nil {
			return "", err
		}
		return b.plan(ctx, graph, "vae_480p_"+place(first), watched.Shapes("decoder_"+place(first)), tensorrt.Recipe{})
	})
	if err != nil {
		return fmt.Errorf("as plans: %w", err)
	}
	b.figure("vae_480p_off_cuda", relative(trt, cuda))
	return nil
}

func place(first bool) string {
	if first {
		return "first"
	}
	return "next"
}

func decoder(first bool) (*onnx.Model, error) {
	net, err := vae.Decoder(vae.Config{}, first, nn.Options{})
	if err != nil {
		return nil, err
	}
	return net.Model()
}

// decoders opens both graphs, decodes four clips and times the last three. It returns the last frames.
func (b *bench) decoders(ctx context.Context, name string, e engine.Engine, at engine.Device, graph func(first bool) (string, error)) (last []float32, err error) {
	var sessions [2]engine.Session
	for i := range sessions {
		path, err := graph(i == 0)
		if err != nil {
			return nil, err
		}
		if sessions[i], err = e.Open(ctx, path, engine.Options{Device: at}); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, sessions[i].Close()) }()
	}
	var took []float64
	for i := range 4 {
		t, err := seconds(func() (err error) { last, err = clip(ctx, sessions[0], sessions[1]); return err })
		if err != nil {
			return nil, err
		}
		if i > 0 {
			took = append(took, t)
		}
	}
	b.figure("vae_480p_"+name+"_s", harness.Median(took))
	return last, nil
}

func clip(ctx context.Context, first, next engine.Session) (last []float32, err error) {
	r, s, in := rand.New(rand.NewPCG(7, 8)), first, engine.Values{}
	defer func() { in.Close() }()
	for range latent.frames {
		z := engine.Zeros(1, 16, 1, latent.height, latent.width)
		for j := range z.Float32() {
			z.Float32()[j] = float32(r.NormFloat64())
		}
		in[vae.Latent] = z
		var keep []string
		for _, o := range s.Outputs() {
			if o.Name != vae.Video {
				keep = append(keep, o.Name)
			}
		}
		out, err := s.Run(ctx, in, keep...)
		if err != nil {
			return nil, err
		}
		in.Close()
		in, s, last = engine.Values{}, next, out.Float32(vae.Video)
		for _, name := range keep {
			in[strings.TrimSuffix(name, ".next")] = out[name]
		}
	}
	return last, nil
}
