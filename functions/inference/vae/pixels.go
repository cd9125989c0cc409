package vae

import (
	"image"
	"runtime"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// EmitFrames takes [1, 3, T, H, W] in [−1, 1] apart into rows of RGB.
func EmitFrames(clip engine.Tensor, emit func(rgb []byte) error) error {
	count, plane := clip.Shape[2], int(clip.Shape[3]*clip.Shape[4])
	rgb, v := make([]byte, 3*plane), clip.Float32()
	for t := range int(count) {
		red, green, blue := v[t*plane:][:plane], v[(int(count)+t)*plane:][:plane], v[(2*int(count)+t)*plane:][:plane]
		inParts(plane, func(from, to int) {
			for i := from; i < to; i++ {
				rgb[3*i], rgb[3*i+1], rgb[3*i+2] = toByte(red[i]), toByte(green[i]), toByte(blue[i])
			}
		})
		if err := emit(rgb); err != nil {
			return err
		}
	}
	return nil
}

// least is the number of points that a processor is given at least: fewer are done sooner than handed over.
const least = 32 << 10

// inParts does what is to be done for n points on all processors.
func inParts(n int, do func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), (n+least-1)/least)
	if parts < 2 {
		do(0, n)
		return
	}
	var all sync.WaitGroup
	for p := range parts {
		all.Go(func() { do(p*n/parts, (p+1)*n/parts) })
	}
	all.Wait()
}

// toByte maps [−1, 1] to 0…255, rounding to nearest.
func toByte(x float32) byte {
	return byte(min(max(x*127.5+128, 0), 255)) // 127.5 to the middle, 0.5 to round
}

// Picture is a clip's last frame.
func Picture(clip engine.Tensor) (*image.RGBA, error) {
	img := image.NewRGBA(image.Rect(0, 0, int(clip.Shape[4]), int(clip.Shape[3])))
	return img, EmitFrames(clip, func(rgb []byte) error {
		for i := range len(rgb) / 3 {
			copy(img.Pix[4*i:], []byte{rgb[3*i], rgb[3*i+1], rgb[3*i+2], 255})
		}
		return nil
	})
}
