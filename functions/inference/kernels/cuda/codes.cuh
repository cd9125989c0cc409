// How the formats of QuantLinear decode, element by element. Sources: OCP E4M3 and E2M1; bitsandbytes' NF4 table;
// com.microsoft.MatMulNBits. Layouts are those of the operator's contract, in the package comment of quant.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "op.h"

namespace videosdgx {

enum class Format { bf16, fp16, fp8, nf4, nvfp4, int8, int4 };

// Codes is a weight [n, k] as it lies on the device.
struct Codes {
  Format format = Format::bf16;
  int64_t n = 0, k = 0, block = 0;
  bool high_first = false;
  float offset = 0;
  const uint8_t* codes = nullptr;
  const float* scales = nullptr;          // fp8, plain nf4, int8, int4
  const uint8_t* scale_codes = nullptr;   // nvfp4, nf4 with double quantization
  const float* scales2 = nullptr;
  const float* table = nullptr;
  const uint8_t* zero_points = nullptr;
  bool scale_per_row = false;             // fp8
  __host__ __device__ int64_t blocks() const { return block ? (k + block - 1) / block : 0; }
};

// decode writes rows [from, to) of the weight, as T, to d [to-from, k].
void decode(const Codes& w, int64_t from, int64_t to, void* d, ONNXTensorElementDataType t, cudaStream_t s);

// widen_scales writes fp8's scale of every row to d [n].
void widen_scales(const Codes& w, float* d, cudaStream_t s);

// convert_bias rounds a float bias to t.
void convert_bias(const float* b, void* d, int64_t n, ONNXTensorElementDataType t, cudaStream_t s);

// quantize_rows turns x [m, k] into E4M3 codes with a scale per row, largest value to 448; gelu applies the tanh
// approximation first.
void quantize_rows(const void* x, ONNXTensorElementDataType t, uint8_t* codes, float* scales, int64_t m, int64_t k, bool gelu, cudaStream_t s);

// rescale_rows is d[m, n] = d·x_scale[m]·w_scale[n] + bias[n], gelu of it where asked: for devices whose products take no
// scale per row.
void rescale_rows(void* d, ONNXTensorElementDataType t, const float* x_scale, const float* w_scale, const float* bias, int64_t m, int64_t n, bool gelu, cudaStream_t s);

}  // namespace videosdgx
