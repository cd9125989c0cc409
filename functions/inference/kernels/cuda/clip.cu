// What stands between the convolutions of a video autoencoder, over [batch, channels, frames, height, width].
#include "clip.h"

#include <algorithm>

#include "rows.cuh"

namespace videosdgx {
namespace {

constexpr int kWarps = 8;  // a block's; each takes an eighth of the channels

template <class T>
__device__ inline float wide(T v) {
  return float(v);
}

__device__ inline float silu(float v) { return v / (1 + __expf(-v)); }

// channel_norm_kernel: a block takes 32·P neighbouring positions, a warp every eighth channel of them, in registers between the
// two uses. y = x / max(√(‖x‖² + under), epsilon) · gamma over the channels.
template <class T, int most, int P>
__global__ void channel_norm_kernel(const T* x, const float* gamma, T* y, int64_t channels, int64_t positions, float epsilon, float under, bool act) {
  __shared__ float sums[kWarps][32 * P];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t at = (int64_t(blockIdx.x) * 32 + lane) * P, base = int64_t(blockIdx.y) * channels * positions;
  const bool inside = at < positions;
  struct alignas(sizeof(T) * P) Group {
    T v[P];
  };
  Group held[most];
  float square[P] = {};
#pragma unroll
  for (int i = 0; i < most; i++) {
    const int64_t c = warp + i * kWarps;
    if (c >= channels || !inside) continue;
    held[i] = *reinterpret_cast<const Group*>(x + base + c * positions + at);
#pragma unroll
    for (int p = 0; p < P; p++) square[p] += wide(held[i].v[p]) * wide(held[i].v[p]);
  }
#pragma unroll
  for (int p = 0; p < P; p++) sums[warp][lane * P + p] = square[p];
  __syncthreads();
  float inverse[P];
#pragma unroll
  for (int p = 0; p < P; p++) {
    float s = under;
    for (int w = 0; w < kWarps; w++) s += sums[w][lane * P + p];
    inverse[p] = 1 / fmaxf(sqrtf(s), epsilon);
  }
#pragma unroll
  for (int i = 0; i < most; i++) {
    const int64_t c = warp + i * kWarps;
    if (c >= channels || !inside) continue;
    const float g = gamma[c];
    Group out;
#pragma unroll
    for (int p = 0; p < P; p++) {
      const float v = wide(held[i].v[p]) * inverse[p] * g;
      out.v[p] = T(act ? silu(v) : v);
    }
    *reinterpret_cast<Group*>(y + base + c * positions + at) = out;
  }
}

template <class T, int P>
void channel_norm_as(const T* x, const float* gamma, T* y, int64_t batch, int64_t channels, int64_t positions, float epsilon, float under, bool act, cudaStream_t s) {
  const dim3 grid(unsigned((positions + 32 * P - 1) / (32 * P)), unsigned(batch));
  const int64_t each = (channels + kWarps - 1) / kWarps;
  if (each <= 16) channel_norm_kernel<T, 16, P><<<grid, 32 * kWarps, 0, s>>>(x, gamma, y, channels, positions, epsilon, under, act);
  else if (each <= 32) channel_norm_kernel<T, 32, P><<<grid, 32 * kWarps, 0, s>>>(x, gamma, y, channels, positions, epsilon, under, act);
  else if (each <= 64) channel_norm_kernel<T, 64, P><<<grid, 32 * kWarps, 0, s>>>(x, gamma, y, channels, positions, epsilon, under, act);
  else throw std::runtime_error(std::to_string(channels) + " channels: up to 512 are possible");
}

template <class T>
void channel_norm_any(const T* x, const float* gamma, T* y, int64_t batch, int64_t channels, int64_t positions, float epsilon, float under, bool act, cudaStream_t s) {
  if (positions % 2 == 0 && sizeof(T) == 2) channel_norm_as<T, 2>(x, gamma, y, batch, channels, positions, epsilon, under, act, s);
  else channel_norm_as<T, 1>(x, gamma, y, batch, channels, positions, epsilon, under, act, s);
}

// double_kernel repeats every value to the right and below; a thread takes one value.
template <class T>
__global__ void double_kernel(const T* x, T* y, int64_t values, int64_t width) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= values) return;
  struct alignas(2 * sizeof(T)) Pair {
    T a, b;
  };
  const T v = x[i];
  const int64_t row = i / width, col = i % width;
  Pair* to = reinterpret_cast<Pair*>(y + row * 4 * width) + col;
  to[0] = to[width] = Pair{v, v};
}

template <class T>
void double_as(const T* x, T* y, int64_t values, int64_t width, cudaStream_t s) {
  double_kernel<<<unsigned((values + 255) / 256), 256, 0, s>>>(x, y, values, width);
}

}  // namespace

void channel_norm(const void* x, const float* gamma, void* y, int64_t batch, int64_t channels, int64_t positions, float epsilon, float under, bool act,
                  ONNXTensorElementDataType t, cudaStream_t s) {
  if (!batch || !positions) return;
  if (t == kBFloat16) channel_norm_any(static_cast<const __nv_bfloat16*>(x), gamma, static_cast<__nv_bfloat16*>(y), batch, channels, positions, epsilon, under, act, s);
  else if (t == kHalf) channel_norm_any(static_cast<const __half*>(x), gamma, static_cast<__half*>(y), batch, channels, positions, epsilon, under, act, s);
  else channel_norm_any(static_cast<const float*>(x), gamma, static_cast<float*>(y), batch, channels, positions, epsilon, under, act, s);
}

void twice(const void* x, void* y, int64_t values, int64_t width, ONNXTensorElementDataType t, cudaStream_t s) {
  if (!values) return;
  if (t == kFloat) double_as(static_cast<const float*>(x), static_cast<float*>(y), values, width, s);
  else double_as(static_cast<const uint16_t*>(x), static_cast<uint16_t*>(y), values, width, s);
}

}  // namespace videosdgx
