// Layer norm or RMS norm with modulation, with or without the residual sum before it, and with or without quantization after it:
//   x' = x + gate·y;  h = norm(x')·(one + scale) + shift
// Each is one pass over the rows. The residual stream, x and x', has a type of its own: it is rounded to that before the norm sees
// it, as it is in the reference, where the two are separate.
#include "norm.cuh"
#include "rows.cuh"

namespace videosdgx {
namespace {

// row_of is the row of a table that a row of x takes.
__device__ inline const float* row_of(const Modulation& m, unsigned row) { return m.at + row / m.share * m.stride; }

template <class S, class T, int kEach, bool full, bool residual, bool quantize>
__global__ void norm_kernel(NormArgs a) {
  __shared__ float shared[32];
  const int64_t row = row_at();
  if (row >= a.rows) return;
  const int vectors = int(a.dim / kVector);
  float v[kEach][kVector];
  Raw<T> raw[kEach];  // of y: all loads are under way before the first store
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (!full && at >= vectors) continue;
    const int64_t e = row * a.dim + int64_t(at) * kVector;
    unpack(static_cast<const S*>(a.x) + e, v[i]);
    if constexpr (residual) raw[i] = load(static_cast<const T*>(a.y) + e);
  }
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (!full && at >= vectors) continue;
    if constexpr (residual) {
      float y[kVector];
      unpack_whole(raw[i].p, y);
      if (a.gate.at) {
        float g[kVector];
        unpack_table(row_of(a.gate, unsigned(row)) + at * kVector, g);
#pragma unroll
        for (int j = 0; j < kVector; j++) y[j] *= g[j];
      }
#pragma unroll
      for (int j = 0; j < kVector; j++) v[i][j] = float(S(v[i][j] + y[j]));
      pack(static_cast<S*>(a.sum) + row * a.dim + int64_t(at) * kVector, v[i]);
    }
#pragma unroll
    for (int j = 0; j < kVector; j++) sum += v[i][j];
  }
  const float mean = a.center ? block_reduce(sum, Sum{}, shared) / a.dim : 0;
  float square = 0;
#pragma unroll
  for (int i = 0; i < kEach; i++)
    if (full || threadIdx.x + i * blockDim.x < vectors)
#pragma unroll
      for (int j = 0; j < kVector; j++) square += (v[i][j] - mean) * (v[i][j] - mean);
  const float inverse = rsqrtf(block_reduce(square, Sum{}, shared) / a.dim + a.epsilon);
  float most = 0;
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (!full && at >= vectors) continue;
    float scale[kVector], shift[kVector] = {};
    unpack_table(row_of(a.scale, unsigned(row)) + at * kVector, scale);
    if (a.shift.at) unpack_table(row_of(a.shift, unsigned(row)) + at * kVector, shift);
#pragma unroll
    for (int j = 0; j < kVector; j++) {
      v[i][j] = (v[i][j] - mean) * inverse * (a.one + scale[j]) + shift[j];
      most = fmaxf(most, fabsf(v[i][j]));
    }
    if constexpr (!quantize) pack_whole(static_cast<T*>(a.out) + row * a.dim + int64_t(at) * kVector, v[i]);
  }
  if constexpr (quantize) {
    const float s = code_scale(block_reduce(most, Most{}, shared));
    if (threadIdx.x == 0) a.out_scales[row] = s;
#pragma unroll
    for (int i = 0; i < kEach; i++) {
      const int at = threadIdx.x + i * blockDim.x;
      if (full || at < vectors) pack_codes(a.out_codes + row * a.dim + int64_t(at) * kVector, v[i], 1 / s);
    }
  }
}

template <class S, class T, int each, bool full>
void launch_as(const NormArgs& a, const dim3 block, cudaStream_t s) {
  const dim3 grid = row_blocks(a.rows, block);
  if (a.y && a.out_codes) norm_kernel<S, T, each, full, true, true><<<grid, block, 0, s>>>(a);
  else if (a.y) norm_kernel<S, T, each, full, true, false><<<grid, block, 0, s>>>(a);
  else if (a.out_codes) norm_kernel<S, T, each, full, false, true><<<grid, block, 0, s>>>(a);
  else norm_kernel<S, T, each, full, false, false><<<grid, block, 0, s>>>(a);
}

template <class S, class T>
void launch(const NormArgs& a, cudaStream_t s) {
  if (fills<kPerLane>(a.dim, 1)) launch_as<S, T, kPerLane, true>(a, kWarpRows, s);
  else if (fills<kPerThread>(a.dim)) launch_as<S, T, kPerThread, true>(a, row_threads(a.dim), s);
  else launch_as<S, T, kPerThread, false>(a, row_threads(a.dim), s);
}

template <class S, class T>
__global__ void gated_add_kernel(const S* x, const T* y, Modulation gate, S* d, int64_t vectors, int64_t per_row) {
  const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= vectors) return;
  const int64_t row = at / per_row, col = (at % per_row) * kVector;
  float a[kVector], b[kVector], g[kVector];
  unpack(x + at * kVector, a);
  unpack_whole(y + at * kVector, b);
  unpack(row_of(gate, unsigned(row)) + col, g);
#pragma unroll
  for (int j = 0; j < kVector; j++) a[j] += b[j] * g[j];
  pack(d + at * kVector, a);
}

// RMS norm over the whole row, then neighbouring pairs of each head turned by their angles.
template <class T, int kEach, bool full, bool rotary>
__global__ void rms_kernel(RMSArgs a) {
  __shared__ float shared[32];
  const int64_t row = row_at();
  if (row >= a.rows) return;
  const int vectors = int(a.dim / kVector);
  float v[kEach][kVector];
  float square = 0;
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (!full && at >= vectors) continue;
    unpack_whole(static_cast<const T*>(a.x) + row * a.dim + int64_t(at) * kVector, v[i]);
#pragma unroll
    for (int j = 0; j < kVector; j++) square += v[i][j] * v[i][j];
  }
  const float inverse = rsqrtf(block_reduce(square, Sum{}, shared) / a.dim + a.epsilon);
  const int64_t angles = (row % a.angle_rows) * (a.head / 2);
#pragma unroll
  for (int i = 0; i < kEach; i++) {
    const int at = threadIdx.x + i * blockDim.x;
    if (!full && at >= vectors) continue;
    float w[kVector];
    unpack_table(a.weight + at * kVector, w);
#pragma unroll
    for (int j = 0; j < kVector; j++) v[i][j] *= inverse * w[j];
    if constexpr (rotary) {
      const int64_t pair = angles + (at * kVector) % a.head / 2;
      const float4 c = __ldg(reinterpret_cast<const float4*>(a.cos + pair)), n = __ldg(reinterpret_cast<const float4*>(a.sin + pair));
      const float co[4] = {c.x, c.y, c.z, c.w}, si[4] = {n.x, n.y, n.z, n.w};
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const float p = v[i][2 * j], q = v[i][2 * j + 1];
        v[i][2 * j] = p * co[j] - q * si[j];
        v[i][2 * j + 1] = p * si[j] + q * co[j];
      }
    }
    pack_whole(static_cast<T*>(a.out) + row * a.dim + int64_t(at) * kVector, v[i]);
  }
}

template <class T, int each, bool full>
void launch_as(const RMSArgs& a, const dim3 block, cudaStream_t s) {
  const dim3 grid = row_blocks(a.rows, block);
  if (a.cos) rms_kernel<T, each, full, true><<<grid, block, 0, s>>>(a);
  else rms_kernel<T, each, full, false><<<grid, block, 0, s>>>(a);
}

template <class T>
void launch(const RMSArgs& a, cudaStream_t s) {
  if (fills<kPerLane>(a.dim, 1)) launch_as<T, kPerLane, true>(a, kWarpRows, s);
  else if (fills<kPerThread>(a.dim)) launch_as<T, kPerThread, true>(a, row_threads(a.dim), s);
  else launch_as<T, kPerThread, false>(a, row_threads(a.dim), s);
}

}  // namespace

void norm(const NormArgs& a, ONNXTensorElementDataType stream, ONNXTensorElementDataType t, cudaStream_t s) {
  check_row(a.dim);
  if (!a.rows) return;
  if (stream == kBFloat16) launch<__nv_bfloat16, __nv_bfloat16>(a, s);
  else if (t == kBFloat16) launch<float, __nv_bfloat16>(a, s);
  else if (t == kHalf) launch<float, __half>(a, s);
  else launch<float, float>(a, s);
}

template <class S, class T>
static void gated_add_as(const void* x, const void* y, const Modulation& gate, void* d, int64_t vectors, int64_t per_row, cudaStream_t s) {
  gated_add_kernel<<<unsigned((vectors + 255) / 256), 256, 0, s>>>(static_cast<const S*>(x), static_cast<const T*>(y), gate, static_cast<S*>(d), vectors, per_row);
}

void gated_add(const void* x, const void* y, const Modulation& gate, void* d, int64_t rows, int64_t dim, ONNXTensorElementDataType stream,
               ONNXTensorElementDataType t, cudaStream_t s) {
  if (dim % kVector) throw std::runtime_error("rows whose length is no multiple of 8");
  const int64_t vectors = rows * dim / kVector;
  if (!vectors) return;
  if (stream == kBFloat16) gated_add_as<__nv_bfloat16, __nv_bfloat16>(x, y, gate, d, vectors, dim / kVector, s);
  else if (t == kBFloat16) gated_add_as<float, __nv_bfloat16>(x, y, gate, d, vectors, dim / kVector, s);
  else if (t == kHalf) gated_add_as<float, __half>(x, y, gate, d, vectors, dim / kVector, s);
  else gated_add_as<float, float>(x, y, gate, d, vectors, dim / kVector, s);
}

void rms(const RMSArgs& a, ONNXTensorElementDataType t, cudaStream_t s) {
  check_row(a.dim);
  if (!a.rows) return;
  if (t == kBFloat16) launch<__nv_bfloat16>(a, s);
  else if (t == kHalf) launch<__half>(a, s);
  else launch<float>(a, s);
}

}  // namespace videosdgx
