// Package wan is what the Wan models share: the graph of their transformer, the bundle that a checkpoint becomes, the LoRAs
// that are merged into one, and the pipeline that turns a prompt into frames. The families wan21 and wan22 differ in what
// their configurations ask for, and are names for the same builder.
//
// Architecture and tensor names follow the diffusers layout of the published checkpoints (WanTransformer3DModel,
// AutoencoderKLWan, UMT5EncoderModel); every size comes from their configuration files.
package wan
