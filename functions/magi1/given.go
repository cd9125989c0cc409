package magi1

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"image"
	"math"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/media"
)

// given are the latents of what a clip goes on from, none of a request without.
func (p *Pipeline) given(ctx context.Context, r handler.Request, c coder) (engine.Tensor, error) {
	var frames []media.RGB
	switch {
	case r.Image != nil:
		frames = []media.RGB{fitted(r.Image, r.Width, r.Height)}
	case r.Video != nil:
		var err error
		if frames, err = p.lastFrames(ctx, r); err != nil {
			return engine.Tensor{}, err
		}
	default:
		return engine.Tensor{}, nil
	}
	z, err := c.encode(ctx, pixels(frames))
	if err != nil {
		return z, err
	}
	return scaled(z, p.c.Runtime.ScaleFactor), nil
}

// checkPace refuses a clip whose frames lie at unequal distances, unless the request has them brought to the model's rate: some would be
// taken twice and others left out, and the clip would go on as unsteadily.
func (p *Pipeline) checkPace(ctx context.Context, r handler.Request) error {
	if resample, _ := r.Values["video_resample"].(bool); resample {
		return nil
	}
	pace, err := r.Video.Pace(ctx)
	if err != nil || pace.Even() {
		return err
	}
	if pace.Cut { // no index is whole that names a frame which is not there
		return invalid("the video is cut off, frames that its index names are not in the file: send the whole file")
	}
	fps := p.c.Runtime.FPS
	return invalid("the video has a variable frame rate, its frames lie %.0f to %.0f ms apart: send what `ffmpeg -i IN -vf fps=%d -c:v libx264 -crf 12 -pix_fmt yuv420p OUT.mp4` makes of it, or add \"video_resample\": true, which takes the nearest frame for each 1/%d s",
		1000*pace.Least, 1000*pace.Most, fps, fps)
}

// lastFrames are the end of a clip, at the model's rate: as many as the model goes on from, or what there is of them in whole
// latent frames.
func (p *Pipeline) lastFrames(ctx context.Context, r handler.Request) ([]media.RGB, error) {
	if err := p.checkPace(ctx, r); err != nil {
		return nil, err
	}
	fps, unit, most := p.c.Runtime.FPS, p.c.Runtime.TimeFactor, p.defaults.Prefix
	ring, seen := make([]media.RGB, 0, most), 0
	err := r.Video.Frames(ctx, float64(fps), 0, func(f media.RGB) error {
		small := fitted(f, r.Width, r.Height)
		if seen++; len(ring) < most {
			ring = append(ring, small)
			return nil
		}
		copy(ring, ring[1:])
		ring[most-1] = small
		return nil
	})
	if err != nil {
		return nil, err
	}
	n := len(ring) / unit * unit
	if n == 0 {
		what := "frames"
		if seen == 1 {
			what = "frame"
		}
		return nil, invalid("the video has %d %s at %d a second; %d at least are needed to go on from, %d are used: send a longer one, or a frame of it as image", seen, what, fps, unit, most)
	}
	return ring[len(ring)-n:], nil
}

// fitted is a picture scaled to cover the clip's size, with its middle cut out.
func fitted(img image.Image, width, height int) media.RGB {
	b := img.Bounds()
	scale := max(float64(width)/float64(b.Dx()), float64(height)/float64(b.Dy()))
	w, h := max(int(math.Round(float64(b.Dx())*scale)), width), max(int(math.Round(float64(b.Dy())*scale)), height)
	left, top := (w-width)/2, (h-height)/2
	return media.ResizeTo(img, image.Pt(w, h), image.Rect(left, top, left+width, top+height), media.Bicubic)
}

// pixels is a clip as the encoder takes it, [1, 3, T, H, W].
func pixels(frames []media.RGB) engine.Tensor {
	count, w, h := len(frames), frames[0].Width, frames[0].Height
	out := make([]float32, 3*count*w*h)
	for t, f := range frames {
		for i := range w * h {
			for c := range 3 {
				out[(c*count+t)*w*h+i] = fromByte(f.Pix[3*i+c])
			}
		}
	}
	return engine.Floats(out, 1, 3, int64(count), int64(h), int64(w))
}

// digest stands for the latents of a clip of any length: their hash, as eight numbers.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) add(v []float32) {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	d.Write(raw)
}

func (d digest) values() (out []float32) {
	sum := d.Sum(nil)
	for i := 0; i < len(sum); i += 4 {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(sum[i:])))
	}
	return out
}
