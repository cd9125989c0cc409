// The product that QuantLinear computes, y[m, n] = Σ x[m, k]·W[n, k] + bias[n], cut into items for a thread pool. W exists
// as codes in the caller's (mapped) memory; at most 64 rows of 256 decoded values per thread exist at a time.
#pragma once
#include <cstddef>
#include <cstdint>

#include "conv.h"

namespace vdx {

enum class Format { bf16, fp8, nf4, nvfp4, int8, int4 };

// Weights is a quantized matrix [n, k]; functions/inference/quant says what lies where.
struct Weights {
  Format format;
  int64_t n, k;
  int64_t block;       // codes per scale; 0: none
  int64_t row_blocks;  // scales of a row; nf4 has none that belong to rows
  int64_t row_bytes;   // codes of a row; 0 for nf4 whose rows begin inside a byte
  bool high_first, per_channel, nested;
  float offset;
  const uint8_t* codes;
  const float* scales;
  const uint8_t* scale_codes;
  const float* scales2;
  const float* table;
  const uint8_t* zero_points;
};

// Job is one product. Items of a stage may run at the same time; the pack stage ends before run begins.
struct Job {
  Weights w;
  const float* x;     // [m, k]
  const float* bias;  // [n] or null
  float* y;           // [m, n]
  int64_t m;
  void* packed;       // pack_bytes(job) bytes, aligned to 64
};

constexpr int64_t kMaxRows = 256;      // rows of x in an item of the run stage: their sums fit the stack
constexpr int64_t kDepth = 256;        // values of k that are decoded at a time
constexpr int64_t kIntDepth = 1024;    // the same for 8-bit products
constexpr int64_t kTile = 6;           // rows of W that a microkernel takes
constexpr int64_t kColumns = 8 * kTile;  // rows of W in an item of the run stage

// Kernel is the code for one instruction set.
struct Kernel {
  const char* name;
  size_t (*pack_bytes)(const Job&);
  size_t (*pack_items)(const Job&);
  void (*pack)(const Job&, size_t item);
  int64_t (*run_items)(const Job&);
  void (*run)(const Job&, size_t item);
};

// run_items cuts y into blocks of kMaxRows rows and kColumns columns. Blocks of the same columns follow each other, so that
// codes are still in a cache when they are decoded for the next rows.
static inline int64_t row_blocks(const Job& j) { return (j.m + kMaxRows - 1) / kMaxRows; }
static inline int64_t run_items(const Job& j) { return row_blocks(j) * ((j.w.n + kColumns - 1) / kColumns); }

// Isa has the kernels of an instruction set: exact float32 sums for few rows and for many, and 8-bit sums over x quantized to
// int8; and those of a video autoencoder.
struct Isa {
  const char* name;
  bool (*supported)();
  const Kernel* exact;
  const Kernel* wide;
  const Kernel* dynamic;
  const ConvKernel* conv;
  NormKernel norm;
};

// choose is the best instruction set of this machine, or the one that VIDEOSDGX_KERNELS_ISA names; null when that one is
// unknown or not there.
const Isa* choose();

}  // namespace vdx
