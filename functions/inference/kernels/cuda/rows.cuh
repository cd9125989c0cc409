// Kernels over rows: one block takes a row, holds it in registers in vectors of eight, and reads and writes device memory
// once. Sums are float32.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "op.h"

namespace videosdgx {

constexpr int kVector = 8;    // elements that a thread loads at once
constexpr int kPerThread = 4; // vectors that a thread holds

struct alignas(16) Pack16 {
  uint32_t w[4];
};

__device__ inline void unpack(const __nv_bfloat16* p, float v[kVector]) {
  Pack16 q = *reinterpret_cast<const Pack16*>(p);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float2 f = __bfloat1622float2(*reinterpret_cast<__nv_bfloat162*>(&q.w[i]));
    v[2 * i] = f.x, v[2 * i + 1] = f.y;
  }
}
// saturated has the largest FP16 in the place of an infinity: of a sum that was written as FP16. What is no number stays none.
__device__ inline __half2 saturated(__half2 v) {
  const __half2 most = __half2half2(__ushort_as_half(0x7bff));
  return __hmin2_nan(__hmax2_nan(v, __hneg2(most)), most);
}
__device__ inline void unpack(const __half* p, float v[kVector]) {
  Pack16 q = *reinterpret_cast<const Pack16*>(p);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float2 f = __half22float2(saturated(*reinterpret_cast<__half2*>(&q.w[i])));
    v[2 * i] = f.x, v[2 * i + 1] = f.y;
  }
}
__device__ inline void unpack(const float* p, float v[kVector]) {
  float4 a = reinterpret_cast<const float4*>(p)[0], b = reinterpret_cast<const float4*>(p)[1];
  v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
}
__device__ inline void pack(__nv_bfloat16* p, const float v[kVector]) {
  Pack16 q;
#pragma unroll
  for (int i = 0; i < 4; i++) *reinterpret_cast<__nv_bfloat162*>(&q.w[i]) = __floats2bfloat162_rn(v[2 * i], v[2 * i + 1]);
  *reinterpret_cast<Pack16*>(p) = q;
}
__device__ inline void pack(__half* p, const float v[kVector]) {
  Pack16 q;
#pragma unroll
  for (int i = 0; i < 4; i++) *reinterpret_cast<__half2*>(&q.w[i]) = saturated(__floats2half2_rn(v[2 * i], v[2 * i + 1]));
  *reinterpret_cast<Pack16*>(p) = q;
}
__device__ inline void pack(float* p, const float v[kVector]) {
  reinterpret_cast<float4*>(p)[0] = make_float4(v[0], v[1], v[2], v[3]);
  reinterpret_cast<float4*>(p)[1] = make_float4(v[4], v[5], v[6], v[7]);
}
// unpack_whole and pack_whole leave infinities what they are: what a product has beyond FP16 ends as no number, which a clip fails of,
// and not as another number.
template <class T>
__device__ inline void unpack_whole(const T* p, float v[kVector]) {
  unpack(p, v);
}
template <>
__device__ inline void unpack_whole(const __half* p, float v[kVector]) {
  const Pack16 q = *reinterpret_cast<const Pack16*>(p);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const float2 f = __half22float2(*reinterpret_cast<const __half2*>(&q.w[i]));
    v[2 * i] = f.x, v[2 * i + 1] = f.y;
  }
}
template <class T>
__device__ inline void pack_whole(T* p, const float v[kVector]) {
  pack(p, v);
}
template <>
__device__ inline void pack_whole(__half* p, const float v[kVector]) {
  Pack16 q;
#pragma unroll
  for (int i = 0; i < 4; i++) *reinterpret_cast<__half2*>(&q.w[i]) = __floats2half2_rn(v[2 * i], v[2 * i + 1]);
  *reinterpret_cast<Pack16*>(p) = q;
}
// unpack_table is unpack of what no kernel writes, which stores do not hold back.
__device__ inline void unpack_table(const float* p, float v[kVector]) {
  const float4 a = __ldg(reinterpret_cast<const float4*>(p)), b = __ldg(reinterpret_cast<const float4*>(p) + 1);
  v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
}

// Raw is a vector as it lies in memory.
template <class T>
struct alignas(16) Raw {
  T p[kVector];
};
template <class T>
__device__ inline Raw<T> load(const T* p) {
  Raw<T> r;
#pragma unroll
  for (size_t i = 0; i < sizeof r / sizeof(Pack16); i++) reinterpret_cast<Pack16*>(&r)[i] = reinterpret_cast<const Pack16*>(p)[i];
  return r;
}

// pack_codes writes eight E4M3 codes of v·by, rounded to nearest, ties to even, saturated.
__device__ inline void pack_codes(uint8_t* p, const float v[kVector], float by) {
  uint32_t w[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    uint32_t lo = __nv_cvt_float2_to_fp8x2(make_float2(v[4 * i] * by, v[4 * i + 1] * by), __NV_SATFINITE, __NV_E4M3);
    uint32_t hi = __nv_cvt_float2_to_fp8x2(make_float2(v[4 * i + 2] * by, v[4 * i + 3] * by), __NV_SATFINITE, __NV_E4M3);
    w[i] = lo | hi << 16;
  }
  *reinterpret_cast<uint2*>(p) = make_uint2(w[0], w[1]);
}

constexpr float kCodeMost = 448;  // the largest E4M3

// code_scale is a row's scale; a row of zeros gets 1.
__device__ inline float code_scale(float most) { return most > 0 ? most / kCodeMost : 1; }

template <class F>
__device__ inline float block_reduce(float v, F join, float* shared) {
#pragma unroll
  for (int o = 16; o; o >>= 1) v = join(v, __shfl_xor_sync(~0u, v, o));
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
  if (warps == 1) return v;
  __syncthreads();  // the values of the reduction before this one have been read
  if (threadIdx.x % 32 == 0) shared[warp] = v;
  __syncthreads();
  v = shared[0];
  for (int i = 1; i < warps; i++) v = join(v, shared[i]);
  return v;
}
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Most {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

__device__ inline float gelu_tanh(float x) {
  // 0.5·x·(1 + tanh(u)) = x / (1 + exp(−2u))
  float u = 0.7978845608028654f * (x + 0.044715f * x * x * x);
  return __fdividef(x, 1 + __expf(-2 * u));  // what the quotient's last bits are, no type that it is stored in shows
}

// Where every thread of whole warps has its vectors, no check stands between the loads: fills says so of each vectors a thread, and of
// as many warps where that is given. A row of kPerLane vectors for each lane is one warp's, whose reductions wait for nobody; a block has
// several such rows.
constexpr int kPerLane = 6;
const dim3 kWarpRows(32, 4);
template <int each>
bool fills(int64_t dim, int64_t warps = 0) {
  const int64_t warp = 32 * each * kVector;
  return dim % warp == 0 && (warps ? dim / warp == warps : dim / warp <= 32);
}
inline dim3 row_blocks(int64_t rows, const dim3& block) { return dim3(unsigned((rows + block.y - 1) / block.y)); }
__device__ inline int64_t row_at() { return int64_t(blockIdx.x) * blockDim.y + threadIdx.y; }

// Shape of a launch for rows of dim elements: threads hold kPerThread vectors each.
inline int row_threads(int64_t dim) {
  int64_t vectors = dim / kVector, threads = (vectors + kPerThread - 1) / kPerThread;
  return int((threads + 31) / 32 * 32);
}
inline void check_row(int64_t dim) {
  if (dim % kVector || row_threads(dim) > 1024)
    throw std::runtime_error("rows of " + std::to_string(dim) + " elements: a multiple of 8 up to 32768 is needed");
}

}  // namespace videosdgx
