// Package quant holds the weight formats of a bundle: BF16, FP8 E4M3, NF4, NVFP4, INT8 and INT4. A weight [N, K] = [out, in]
// becomes codes and scales in the byte layouts of the published checkpoints (bitsandbytes, NVIDIA ModelOpt, ONNX Runtime's
// MatMulNBits), so that a quantized checkpoint and a bundle hold the same bytes, and the kernels read them where they lie.
//
// Encode takes a whole weight, an Encoder a few rows at a time; both spread over all cores. Nothing here knows a model.
package quant
