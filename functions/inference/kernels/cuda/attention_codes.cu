#include "attention_codes.h"

#include <algorithm>

#include "rows.cuh"

namespace videosdgx {
namespace {

constexpr int kHead = 128, kLanes = kHead / kVector;  // 16 threads hold a head of a token
constexpr int kThreads = 256, kGroups = kThreads / kLanes;
constexpr int kMeanThreads = 1024, kMeanGroups = kMeanThreads / kLanes;
constexpr int kCodeLimit = 127;
constexpr int64_t kMeanOf = 2048;
constexpr float kLeast = 1e-15f;  // a scale is never 0, nor so small that 127 of it are not to be had
constexpr float kLog2E = 1.4426950408889634f;

__device__ float lanes_max(float v) {
#pragma unroll
  for (int o = kLanes / 2; o; o >>= 1) v = fmaxf(v, __shfl_xor_sync(~0u, v, o));
  return v;
}

__device__ float most_of(const float (&v)[kVector]) {
  float m = 0;
#pragma unroll
  for (int i = 0; i < kVector; i++) m = fmaxf(m, fabsf(v[i]));
  return m;
}

__device__ void write_codes(int8_t* to, const float (&v)[kVector], float by) {
  uint32_t w[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < kVector; i++) w[i / 4] |= uint32_t(__float2int_rn(v[i] * by) & 0xff) << (i % 4 * 8);
  *reinterpret_cast<uint2*>(to) = make_uint2(w[0], w[1]);
}

template <class T>
__device__ const T* row_of(const Heads& t, int64_t batch, int64_t token, int64_t head) {
  return static_cast<const T*>(t.at) + batch * t.batch_stride + token * t.token_stride + head * t.head_stride;
}

// A block per head and batch.
template <class T>
__global__ void mean_kernel(AttentionArgs a, int64_t step, float* mean) {
  __shared__ float part[kMeanGroups][kHead];
  const int lane = threadIdx.x % kLanes, group = threadIdx.x / kLanes;
  float sum[kVector] = {};
#pragma unroll 4
  for (int64_t t = group * step; t < a.k_tokens; t += kMeanGroups * step) {
    float v[kVector];
    unpack(row_of<T>(a.k, blockIdx.y, t, blockIdx.x) + lane * kVector, v);
#pragma unroll
    for (int i = 0; i < kVector; i++) sum[i] += v[i];
  }
#pragma unroll
  for (int i = 0; i < kVector; i++) part[group][lane * kVector + i] = sum[i];
  __syncthreads();
  if (threadIdx.x >= kHead) return;
  float all = 0;
  for (int g = 0; g < kMeanGroups; g++) all += part[g][threadIdx.x];
  mean[(int64_t(blockIdx.y) * a.heads + blockIdx.x) * kHead + threadIdx.x] = all / ((a.k_tokens + step - 1) / step);
}

// 16 threads per query and head.
template <class T>
__global__ void q_kernel(AttentionArgs a, ScoreCodes c) {
  const int lane = threadIdx.x % kLanes;
  const int64_t rows = a.batch * a.q_tokens * a.heads, row = int64_t(blockIdx.x) * kGroups + threadIdx.x / kLanes, at = min(row, rows - 1);
  const int64_t head = at % a.heads, token = at / a.heads % a.q_tokens, batch = at / a.heads / a.q_tokens;
  float v[kVector];
  unpack(row_of<T>(a.q, batch, token, head) + lane * kVector, v);
  const float most = fmaxf(lanes_max(most_of(v)), kLeast);
  write_codes(c.q + at * kHead + lane * kVector, v, kCodeLimit / most);
  if (lane == 0) c.q_scales[at] = most / kCodeLimit * a.scale * kLog2E;
}

// A block per tile of keys, head and batch. The tile is read twice; the second time it is in the cache.
template <class T>
__global__ void k_kernel(AttentionArgs a, ScoreCodes c, int keys) {
  __shared__ float shared[32];
  const int lane = threadIdx.x % kLanes, group = threadIdx.x / kLanes;
  const int64_t first = int64_t(blockIdx.x) * keys, end = min(first + keys, a.k_tokens), head = blockIdx.y, batch = blockIdx.z;
  float mean[kVector];
  unpack(c.k_mean + (batch * a.heads + head) * kHead + lane * kVector, mean);
  const auto read = [&](int64_t token, float (&v)[kVector]) {
    unpack(row_of<T>(a.k, batch, token, head) + lane * kVector, v);
#pragma unroll
    for (int i = 0; i < kVector; i++) v[i] -= mean[i];
  };
  float most = 0, v[kVector];
#pragma unroll 4
  for (int64_t t = first + group; t < end; t += kGroups) {
    read(t, v);
    most = fmaxf(most, most_of(v));
  }
  most = fmaxf(block_reduce(most, Most{}, shared), kLeast);
#pragma unroll 4
  for (int64_t t = first + group; t < end; t += kGroups) {
    read(t, v);
    write_codes(c.k + ((batch * a.k_tokens + t) * a.heads + head) * kHead + lane * kVector, v, kCodeLimit / most);
  }
  if (threadIdx.x == 0) c.k_scales[(batch * a.heads + head) * gridDim.x + blockIdx.x] = most / kCodeLimit;
}

template <class T>
void make(const AttentionArgs& a, const ScoreCodes& c, int keys, cudaStream_t s) {
  const int64_t rows = a.batch * a.q_tokens * a.heads;
  mean_kernel<T><<<dim3(a.heads, a.batch), kMeanThreads, 0, s>>>(a, std::max<int64_t>(1, a.k_tokens / kMeanOf), c.k_mean);
  k_kernel<T><<<dim3((a.k_tokens + keys - 1) / keys, a.heads, a.batch), kThreads, 0, s>>>(a, c, keys);
  q_kernel<T><<<(rows + kGroups - 1) / kGroups, kThreads, 0, s>>>(a, c);
  check(cudaGetLastError(), "codes of attention");
}

}  // namespace

ScoreCodes score_codes(const AttentionArgs& a, int keys) {
  ScoreCodes c{};
  const auto part = [&](int64_t bytes) {
    uint8_t* at = static_cast<uint8_t*>(a.workspace) + c.bytes;
    c.bytes += (bytes + 255) / 256 * 256;
    return at;
  };
  const int64_t pairs = a.batch * a.heads;
  c.q = reinterpret_cast<int8_t*>(part(pairs * a.q_tokens * kHead));
  c.k = reinterpret_cast<int8_t*>(part(pairs * a.k_tokens * kHead));
  c.q_scales = reinterpret_cast<float*>(part(pairs * a.q_tokens * 4));
  c.k_scales = reinterpret_cast<float*>(part(pairs * ((a.k_tokens + keys - 1) / keys) * 4));
  c.k_mean = reinterpret_cast<float*>(part(pairs * kHead * 4));
  return c;
}

void make_score_codes(const AttentionArgs& a, ONNXTensorElementDataType t, const ScoreCodes& c, int keys, cudaStream_t s) {
  if (t == kHalf) make<__half>(a, c, keys, s);
  else make<__nv_bfloat16>(a, c, keys, s);
}

}  // namespace videosdgx
