// Matrix products of cuBLASLt, which is opened when the first one runs: a library that was built without it still loads,
// and says what is missing.
#pragma once
#include <cublasLt.h>

#include <map>
#include <mutex>
#include <tuple>

#include "op.h"

namespace videosdgx {

// Product is D[m, n] = X[m, k] · W[n, k]ᵀ, rows outermost in all three, with what cuBLASLt adds in the same pass.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  int64_t ldd = 0;                      // elements between rows of D; 0 means n
  cudaDataType_t in = CUDA_R_16BF;      // of X and W
  cudaDataType_t out = CUDA_R_16BF;     // of D and the bias
  bool gelu = false;                    // the tanh approximation, after the bias
  bool scaled = false;                  // X by a float per row, W by a float per row: FP8 on Hopper
  const void* x = nullptr;
  const void* w = nullptr;
  const void* bias = nullptr;           // [n] of type out, or none
  const float* x_scale = nullptr;       // [m]
  const float* w_scale = nullptr;       // [n]
  void* d = nullptr;
};

constexpr size_t kWorkspace = 64u << 20;  // what NVIDIA advises for Hopper is 32 MiB

// multiply queues the product on the call's stream. Algorithms are kept by shape for the life of the process.
void multiply(const Call& c, const Product& p);

// scales_rows says whether the device multiplies FP8 with a scale per row of both sides (compute capability 9.0).
bool scales_rows();

// capability is that of the current device, 90 for 9.0.
int capability();

}  // namespace videosdgx
