package vae

import "github.com/videosdgx/videosdgx/functions/inference/engine"

// Denormalise is z·std + mean per channel.
func (c Config) Denormalise(z engine.Tensor) engine.Tensor {
	return c.perChannel(z, func(v, mean, std float32) float32 { return v*std + mean })
}

// Normalise is (z − mean)/std per channel.
func (c Config) Normalise(z engine.Tensor) engine.Tensor {
	return c.perChannel(z, func(v, mean, std float32) float32 { return (v - mean) / std })
}

func (c Config) perChannel(z engine.Tensor, f func(v, mean, std float32) float32) engine.Tensor {
	out := make([]float32, len(z.Float32()))
	each := len(out) / int(z.Shape[1])
	for i, v := range z.Float32() {
		ch := i / each
		out[i] = f(v, float32(c.LatentsMean[ch]), float32(c.LatentsStd[ch]))
	}
	return engine.Floats(out, z.Shape...)
}
