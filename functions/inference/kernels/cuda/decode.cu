// Weights from their codes, and the small conversions around a product.
#include "codes.cuh"
#include "rows.cuh"

namespace videosdgx {
namespace {

__constant__ float kNF4[16] = {-1.f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
                               -0.09105003625154495f, 0.f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
                               0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.f};
__constant__ float kE2M1[8] = {0.f, 0.5f, 1.f, 1.5f, 2.f, 3.f, 4.f, 6.f};

__device__ inline float e4m3(uint8_t c) { return __half2float(__half(__nv_cvt_fp8_to_halfraw(c, __NV_E4M3))); }

__device__ inline int nibble(const uint8_t* p, int64_t i, bool high_first) {
  const int b = p[i / 2];
  return ((i & 1) == 0) == high_first ? b >> 4 : b & 15;
}

// value decodes the element of row r and column c.
template <Format f>
__device__ inline float value(const Codes& w, int64_t r, int64_t c) {
  if constexpr (f == Format::bf16) return __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(w.codes)[r * w.k + c]);
  if constexpr (f == Format::fp16) return __half2float(reinterpret_cast<const __half*>(w.codes)[r * w.k + c]);
  if constexpr (f == Format::fp8) return e4m3(w.codes[r * w.k + c]) * w.scales[w.scale_per_row ? r : 0];
  if constexpr (f == Format::nf4) {
    const int64_t i = r * w.k + c, b = i / w.block;
    const float most = w.scale_codes ? __fadd_rn(__fmul_rn(w.table[w.scale_codes[b]], w.scales2[b / 256]), w.offset) : w.scales[b];
    return kNF4[nibble(w.codes, i, w.high_first)] * most;
  }
  if constexpr (f == Format::nvfp4) {
    const int64_t b = w.blocks();
    const int q = nibble(w.codes, r * b * w.block + c, w.high_first);
    const float scale = e4m3(w.scale_codes[r * b + c / w.block]) * w.scales2[0];
    return (q & 8 ? -kE2M1[q & 7] : kE2M1[q & 7]) * scale;
  }
  if constexpr (f == Format::int8) {
    const int64_t b = w.blocks(), at = r * b + c / w.block;
    const int zero = w.zero_points ? w.zero_points[at] : 128;
    return (int(w.codes[r * b * w.block + c]) - zero) * w.scales[at];
  }
  if constexpr (f == Format::int4) {
    const int64_t b = w.blocks(), at = c / w.block;
    const int zero = w.zero_points ? nibble(w.zero_points + r * ((b + 1) / 2), at, false) : 8;
    return (nibble(w.codes, r * b * w.block + c, w.high_first) - zero) * w.scales[r * b + at];
  }
}

template <Format f, class T>
__global__ void decode_kernel(Codes w, int64_t from, int64_t elements, T* d) {
  constexpr int each = 8;
  const int64_t at = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * each;
  if (at >= elements) return;
  if (w.k % each == 0) {  // the eight lie in one row
    const int64_t r = from + at / w.k, c = at % w.k;
    float v[each];
#pragma unroll
    for (int j = 0; j < each; j++) v[j] = value<f>(w, r, c + j);
    pack_whole(d + at, v);
    return;
  }
  for (int64_t i = at; i < min(at + each, elements); i++) d[i] = T(value<f>(w, from + i / w.k, i % w.k));
}

template <class T>
void decode_as(const Codes& w, int64_t from, int64_t to, T* d, cudaStream_t s) {
  const int64_t elements = (to - from) * w.k;
  if (!elements) return;
  const unsigned blocks = unsigned((elements + 8 * 256 - 1) / (8 * 256));
  switch (w.format) {
    case Format::bf16: decode_kernel<Format::bf16><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
    case Format::fp16: decode_kernel<Format::fp16><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
    case Format::fp8: decode_kernel<Format::fp8><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
    case Format::nf4: decode_kernel<Format::nf4><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
    case Format::nvfp4: decode_kernel<Format::nvfp4><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
    case Format::int8: decode_kernel<Format::int8><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
    case Format::int4: decode_kernel<Format::int4><<<blocks, 256, 0, s>>>(w, from, elements, d); break;
  }
}

__global__ void widen_kernel(const float* scales, bool per_row, float* d, int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) d[i] = scales[per_row ? i : 0];
}

template <class T>
__global__ void convert_kernel(const float* b, T* d, int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) d[i] = T(b[i]);
}

template <class T, int kEach, bool full, bool gelu>
__global__ void quantize_kernel(const T* x, uint8_t* codes, float* scales, int64_t m, int64_t k) {
  __shared__ float shared[32];
  const int64_t row = row_at();
  if (row >= m) return;
  const int vectors = int(k / kVector);
  Raw<T> raw[kEach];
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (full || at < vectors) raw[i] = load(x + row * k + int64_t(at) * kVector);
  }
  float v[kEach][kVector];
  float most = 0;
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    if (!full && threadIdx.x + i * blockDim.x >= vectors) continue;
    unpack_whole(raw[i].p, v[i]);
#pragma unroll
    for (int j = 0; j < kVector; j++) {
      if constexpr (gelu) v[i][j] = gelu_tanh(v[i][j]);
      most = fmaxf(most, fabsf(v[i][j]));
    }
  }
  const float s = code_scale(block_reduce(most, Most{}, shared));
  if (threadIdx.x == 0) scales[row] = s;
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (full || at < vectors) pack_codes(codes + row * k + int64_t(at) * kVector, v[i], 1 / s);
  }
}

template <class T, int each, bool full>
void quantize_with(const T* x, uint8_t* codes, float* scales, int64_t m, int64_t k, bool gelu, const dim3 block, cudaStream_t s) {
  const dim3 grid = row_blocks(m, block);
  if (gelu) quantize_kernel<T, each, full, true><<<grid, block, 0, s>>>(x, codes, scales, m, k);
  else quantize_kernel<T, each, full, false><<<grid, block, 0, s>>>(x, codes, scales, m, k);
}

template <class T>
void quantize_as(const T* x, uint8_t* codes, float* scales, int64_t m, int64_t k, bool gelu, cudaStream_t s) {
  if (fills<kPerLane>(k, 1)) quantize_with<T, kPerLane, true>(x, codes, scales, m, k, gelu, kWarpRows, s);
  else if (fills<5>(k)) quantize_with<T, 5, true>(x, codes, scales, m, k, gelu, dim3(unsigned(k / kVector / 5)), s);
  else if (fills<kPerThread>(k)) quantize_with<T, kPerThread, true>(x, codes, scales, m, k, gelu, row_threads(k), s);
  else quantize_with<T, kPerThread, false>(x, codes, scales, m, k, gelu, row_threads(k), s);
}

template <class T>
__global__ void rescale_kernel(T* d, const float* xs, const float* ws, const float* bias, int64_t n, int64_t elements, bool gelu) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= elements) return;
  float v = float(d[i]) * xs[i / n] * ws[i % n] + (bias ? bias[i % n] : 0);
  d[i] = T(gelu ? gelu_tanh(v) : v);
}

unsigned blocks_for(int64_t n) { return unsigned((n + 255) / 256); }

[[noreturn]] void no_type() { throw std::runtime_error("activations are float32, float16 or bfloat16"); }

}  // namespace

void decode(const Codes& w, int64_t from, int64_t to, void* d, ONNXTensorElementDataType t, cudaStream_t s) {
  if (t == kBFloat16) decode_as(w, from, to, static_cast<__nv_bfloat16*>(d), s);
  else if (t == kHalf) decode_as(w, from, to, static_cast<__half*>(d), s);
  else if (t == kFloat) decode_as(w, from, to, static_cast<float*>(d), s);
  else no_type();
}

void widen_scales(const Codes& w, float* d, cudaStream_t s) { widen_kernel<<<blocks_for(w.n), 256, 0, s>>>(w.scales, w.scale_per_row, d, w.n); }

void convert_bias(const float* b, void* d, int64_t n, ONNXTensorElementDataType t, cudaStream_t s) {
  if (t == kBFloat16) convert_kernel<<<blocks_for(n), 256, 0, s>>>(b, static_cast<__nv_bfloat16*>(d), n);
  else if (t == kHalf) convert_kernel<<<blocks_for(n), 256, 0, s>>>(b, static_cast<__half*>(d), n);
  else if (t == kFloat) convert_kernel<<<blocks_for(n), 256, 0, s>>>(b, static_cast<float*>(d), n);
  else no_type();
}

void quantize_rows(const void* x, ONNXTensorElementDataType t, uint8_t* codes, float* scales, int64_t m, int64_t k, bool gelu, cudaStream_t s) {
  check_row(k);
  if (!m) return;
  if (t == kBFloat16) quantize_as(static_cast<const __nv_bfloat16*>(x), codes, scales, m, k, gelu, s);
  else if (t == kHalf) quantize_as(static_cast<const __half*>(x), codes, scales, m, k, gelu, s);
  else if (t == kFloat) quantize_as(static_cast<const float*>(x), codes, scales, m, k, gelu, s);
  else no_type();
}

void rescale_rows(void* d, ONNXTensorElementDataType t, const float* xs, const float* ws, const float* bias, int64_t m, int64_t n, bool gelu, cudaStream_t s) {
  const int64_t all = m * n;
  if (!all) return;
  if (t == kBFloat16) rescale_kernel<<<blocks_for(all), 256, 0, s>>>(static_cast<__nv_bfloat16*>(d), xs, ws, bias, n, all, gelu);
  else if (t == kHalf) rescale_kernel<<<blocks_for(all), 256, 0, s>>>(static_cast<__half*>(d), xs, ws, bias, n, all, gelu);
  else if (t == kFloat) rescale_kernel<<<blocks_for(all), 256, 0, s>>>(static_cast<float*>(d), xs, ws, bias, n, all, gelu);
  else no_type();
}

}  // namespace videosdgx
