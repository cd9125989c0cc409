// Norms as functions of device pointers; the operators over them are in fused.cc.
#pragma once
#include "op.h"

namespace videosdgx {

// Modulation is a table [n, dim]: a row of x takes its row / share-th, of stride elements; stride is 0 where one row serves all.
struct Modulation {
  const float* at = nullptr;  // none
  int64_t stride = 0;
  unsigned share = 1;  // rows of x that follow each other and have one of the table
};

// NormArgs is one layer norm over rows of dim elements, or an RMS norm, which takes no mean away; x and the sum, the residual stream, are of type S, the rest of type T.
struct NormArgs {
  const void* x;                          // S [rows, dim]
  const void* y = nullptr;                // T [rows, dim]: added first, times gate
  Modulation gate;                        // none: y as it is
  Modulation scale, shift;
  float one = 1, epsilon = 1e-6f;
  bool center = true;                     // false: RMS norm
  void* sum = nullptr;                    // S [rows, dim]: x', where y is given
  void* out = nullptr;                    // T [rows, dim], or
  uint8_t* out_codes = nullptr;           // E4M3 [rows, dim] with
  float* out_scales = nullptr;            // [rows]
  int64_t rows, dim;
};
void norm(const NormArgs& a, ONNXTensorElementDataType stream, ONNXTensorElementDataType t, cudaStream_t s);

// gated_add is d = x + gate·y; x and d of the stream's type, y of type t.
void gated_add(const void* x, const void* y, const Modulation& gate, void* d, int64_t rows, int64_t dim, ONNXTensorElementDataType stream,
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
