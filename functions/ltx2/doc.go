// Package ltx2 is LTX-2: video and sound from one diffusion transformer with two streams that attend to each other. The
// versions 2.0, 2.3 and 2.5 are one family: their configurations say which parts a checkpoint has. Reference: diffusers'
// LTX2VideoTransformer3DModel and its pipelines, 0.42.
package ltx2
