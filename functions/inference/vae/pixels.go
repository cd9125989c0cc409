package vae

import (
	"image"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// EmitFrames takes [1, 3, T, H, W] in [−1, 1] apart into rows of RGB.
func EmitFrames(clip engine.Tensor, emit func(rgb []byte) error) error {
	count, plane := clip.Shape[2], clip.Shape[3]*clip.Shape[4]
	rgb, v := make([]byte, 3*plane), clip.Float32()
	for t := range count {
		for c := range int64(3) {
			from := v[(c*count+t)*plane : (c*count+t+1)*plane]
			for i, x := range from {
				rgb[3*i+int(c)] = toByte(x)
			}
		}
		if err := emit(rgb); err != nil {
			return err
		}
	}
	return nil
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
