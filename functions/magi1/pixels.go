package magi1

import (
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// toByte maps [−1, 1] to 0…255, cutting off what is after the point, as the published pipeline does.
func toByte(x float32) byte { return byte(min(max(float32(x*127.5)+127.5, 0), 255)) }

// fromByte is what a byte is to the encoder.
func fromByte(b byte) float32 { return float32(b)/127.5 - 1 }

// scaled is a clip times a number.
func scaled(clip engine.Tensor, by float32) engine.Tensor {
	out := make([]float32, len(clip.Float32()))
	for i, v := range clip.Float32() {
		out[i] = v * by
	}
	return engine.Floats(out, clip.Shape...)
}

// eachFrame takes [1, 3, T, H, W] apart into rows of RGB.
func eachFrame(clip engine.Tensor, emit func(rgb []byte) error) error {
	count, plane := clip.Shape[2], clip.Shape[3]*clip.Shape[4]
	rgb, v := make([]byte, 3*plane), clip.Float32()
	for t := range count {
		for c := range int64(3) {
			for i, x := range v[(c*count+t)*plane : (c*count+t+1)*plane] {
				rgb[3*i+int(c)] = toByte(x)
			}
		}
		if err := emit(rgb); err != nil {
			return err
		}
	}
	return nil
}
