package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

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

// latent is 81 frames of a picture's size, an eighth a side; by default 480×832.
var latent = struct{ frames, height, width int64 }{21, 60, 104}

// pictured is the size as figures name it.
var pictured = "480p"

// measures reads the picture's size, "480x832".
func measures(picture string) error {
	var h, w int64
	if n, err := fmt.Sscanf(picture, "%dx%d", &h, &w); n != 2 || err != nil || h < 16 || w < 16 || h%16 != 0 || w%16 != 0 {
		return fmt.Errorf("a picture of %s: two multiples of 16 are wanted, such as 480x832", picture)
	}
	latent.height, latent.width, pictured = h/8, w/8, fmt.Sprintf("%dp", h)
	return nil
}

// vae times the decoding of a whole clip: the first latent frame, then one after the other with the caches on the device. ONNX
// Runtime's clip in float32 tells the shapes and what is right; both plans are built at once, and then the plans and the CUDA provider
// decode in turns.
func (b *bench) vae(ctx context.Context) (err error) {
	if b.rehearse {
		latent.frames, latent.height, latent.width = 2, 4, 4
	}
	dir := filepath.Join(b.dir, "vae")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	watched := record.New(b.ort)
	want, err := b.inFloat32(ctx, dir, watched)
	if err != nil {
		return fmt.Errorf("in float32: %w", err)
	}
	plans, err := b.vaePlans(ctx, dir, watched)
	if err != nil {
		return fmt.Errorf("as plans: %w", err)
	}
	e := b.runs()
	defer e.Close()
	trt, err := b.decoders(ctx, e, b.at, func(first bool) (string, error) { return plans[place(first)], nil })
	if err != nil {
		return fmt.Errorf("as plans: %w", err)
	}
	defer trt.Close()
	cuda, err := b.decoders(ctx, b.ort, b.beside, func(first bool) (string, error) { return b.forCUDA(dir, first) })
	if err != nil {
		return fmt.Errorf("with the CUDA provider: %w", err)
	}
	defer cuda.Close()
	return b.quiet(ctx, func() error { return b.decode(ctx, trt, cuda, want) })
}

// inFloat32 is the last frames of a clip that the graphs give as they are built.
func (b *bench) inFloat32(ctx context.Context, dir string, e engine.Engine) ([]float32, error) {
	c, err := b.decoders(ctx, e, b.beside, func(first bool) (string, error) {
		m, err := decoder(first)
		if err != nil {
			return "", err
		}
		return random.Store(dir, "decoder_"+place(first)+".plain.onnx", m)
	})
	if err != nil {
		return nil, err
	}
	want, err := c.clip(ctx)
	return want, errors.Join(err, c.Close())
}

// forCUDA is the decoder's graph as a bundle for CUDA, or for the CPU where that stands beside the plans, has it.
func (b *bench) forCUDA(dir string, first bool) (string, error) {
	m, err := decoder(first)
	if err == nil && b.beside.Host() {
		err = fuse.CPU(m)
	} else if err == nil {
		err = fuse.CUDA(m, fuse.Options{})
	}
	if err != nil {
		return "", err
	}
	return random.Store(dir, "decoder_"+place(first)+".cuda.onnx", m)
}

// vaePlans builds both plans at once.
func (b *bench) vaePlans(ctx context.Context, dir string, watched *record.Engine) (map[string]string, error) {
	var paths [2]string
	var g errgroup.Group
	for i := range paths {
		first := i == 0
		m, err := decoder(first)
		if err != nil {
			return nil, err
		}
		graph, err := random.Store(dir, "decoder_"+place(first)+".tensorrt.onnx", m)
		if err != nil {
			return nil, err
		}
		g.Go(func() (err error) {
			paths[i], err = b.plan(ctx, graph, "vae_"+pictured+"_"+place(first), watched.Shapes("decoder_"+place(first)), tensorrt.Recipe{})
			return err
		})
	}
	err := g.Wait()
	return map[string]string{place(true): paths[0], place(false): paths[1]}, err
}

// decode has both decode four clips in turns, times the last three and says how far the plans' frames are from those wanted. (The
// CUDA provider's weights are of another form and so, as noise, of other values.)
func (b *bench) decode(ctx context.Context, trt, cuda *coder, want []float32) error {
	var took [2][]float64
	var got []float32
	for round := range 4 {
		for i, c := range []*coder{trt, cuda} {
			var last []float32
			t, err := seconds(func() (err error) { last, err = c.clip(ctx); return err })
			if err != nil {
				return err
			}
			if round > 0 {
				took[i] = append(took[i], t)
			}
			if i == 0 {
				got = last
			}
		}
	}
	b.figure("vae_"+pictured+"_trt_fp16_s", harness.Median(took[0]))
	b.figure("vae_"+pictured+"_cuda_s", harness.Median(took[1]))
	b.figure("vae_"+pictured+"_off_fp32", relative(got, want))
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

// coder is the decoder of an engine.
type coder struct{ first, next engine.Session }

// Close closes both sessions.
func (c *coder) Close() error {
	err := c.first.Close()
	if c.next != nil {
		err = errors.Join(err, c.next.Close())
	}
	return err
}

func (c *coder) clip(ctx context.Context) ([]float32, error) { return clip(ctx, c.first, c.next) }

// decoders opens both graphs.
func (b *bench) decoders(ctx context.Context, e engine.Engine, at engine.Device, graph func(first bool) (string, error)) (*coder, error) {
	var sessions [2]engine.Session
	for i := range sessions {
		path, err := graph(i == 0)
		if err == nil {
			sessions[i], err = e.Open(ctx, path, engine.Options{Device: at})
		}
		if err != nil {
			if i > 0 {
				err = errors.Join(err, sessions[0].Close())
			}
			return nil, err
		}
	}
	return &coder{sessions[0], sessions[1]}, nil
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
