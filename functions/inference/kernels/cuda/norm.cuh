// Norms as functions of device pointers; the operators over them are in fused.cc.
#pragma once
#include "op.h"

namespace videosdgx {

// NormArgs is one layer norm over rows of dim elements of type T. Strides are elements between the batches of a [batch, dim]
// table; 0 where one row serves all.
struct NormArgs {
  const void* x;                          // T [rows, dim]
  const void* y = nullptr;                // T [rows, dim]: added first, times gate
  const float* gate = nullptr;            // none: y as it is
  const float *scale, *shift = nullptr;
  int64_t gate_stride = 0, scale_stride = 0, shift_stride = 0;
  float one = 1, epsilon = 1e-6f;
  void* sum = nullptr;                    // T [rows, dim]: x', where y is given
  void* out = nullptr;                    // T [rows, dim], or
  uint8_t* out_codes = nullptr;           // E4M3 [rows, dim] with
  float* out_scales = nullptr;            // [rows]
  int64_t rows, dim, rows_per_batch;
};
void norm(const NormArgs& a, ONNXTensorElementDataType t, cudaStream_t s);

// gated_add is d = x + gate·y.
void gated_add(const void* x, const void* y, const float* gate, int64_t gate_stride, void* d, int64_t rows, int64_t dim, int64_t rows_per_batch,
               ONNXTensorElementDataType t, cudaStream_t s);

// RMSArgs is one RMS norm over rows, with rotary position embedding of interleaved pairs where cos is given.
struct RMSArgs {
  const void* x;
  const float* weight;                    // [dim]
  const float *cos = nullptr, *sin = nullptr;  // [angle_rows, head/2]
  int64_t angle_rows = 1, head = 8;
  float epsilon = 1e-6f;
  void* out;
  int64_t rows, dim;
};
void rms(const RMSArgs& a, ONNXTensorElementDataType t, cudaStream_t s);

}  // namespace videosdgx
