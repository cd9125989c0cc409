// Package wan21 is Wan 2.1, text to video and image to video: the graphs of its transformer, its causal VAE and its image
// encoder, the bundle that a checkpoint becomes, and the pipeline that turns a prompt into frames.
//
// Architecture and tensor names follow the diffusers layout of the published checkpoints (WanTransformer3DModel,
// AutoencoderKLWan, UMT5EncoderModel); every size comes from their configuration files.
package wan21
