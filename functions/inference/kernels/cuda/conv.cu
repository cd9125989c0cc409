// Convolutions over clips whose channels lie innermost, [frames, height, width, channels], as one matrix product whose left
// operand is never written out: rows are the result's positions, the inner dimension runs over the taps and, within a tap, over
// the channels. Each 16 bytes of a tap are copied from where they lie, or are zeros beyond an edge. What other layers would do in
// passes of their own happens on the way: frames before the clip come from the history of the run before, pixels may count
// twice in height and width, and bias and a residual are added in float32 before the one rounding.
#include "conv.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <type_traits>

#include "mirror.cuh"
#include "rows.cuh"

namespace videosdgx {
namespace {

constexpr int kInner = 64;            // inner values at a time; a block's tile has as many rows of the result as the block has threads
constexpr int kLoads = kInner / 8;    // rows of the left tile that a thread copies 16 bytes of
constexpr int kNowhere = -(1 << 24);  // a frame that there is none of

__device__ inline uint32_t shared_address(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }

// copy16 copies 16 bytes, or writes 16 zeros.
__device__ inline void copy16(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ inline void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int pending>
__device__ inline void arrived() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

__device__ inline void load4(uint32_t (&r)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at) : "memory");
}

template <class T>
__device__ inline void multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same<T, __half>::value)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Tap is where in the inner dimension a thread's 16 bytes lie.
struct Tap {
  int t, h, w, c;
  __device__ inline void start(const ConvArgs& a, int inner) {
    t = h = w = 0, c = inner;
    wrap(a);
  }
  __device__ inline void next(const ConvArgs& a) {
    c += kInner;
    wrap(a);
  }
  __device__ inline void wrap(const ConvArgs& a) {
    while (c >= a.channels) {
      c -= a.channels;
      if (++w == a.kernel[2]) {
        w = 0;
        if (++h == a.kernel[1]) h = 0, t++;
      }
    }
  }
};

// A tile's rows are 128 bytes, whose eighths are permuted by the row so that neither copies nor ldmatrix meet in a bank.
__device__ inline uint32_t in_tile(int row, int eighth) { return uint32_t(row * 128 + ((eighth ^ (row & 7)) << 4)); }

template <class T, int kRows, int columns, int stages>
__global__ void __launch_bounds__(kRows, 256 / kRows) conv_kernel(ConvArgs a) {
  extern __shared__ __align__(128) uint8_t shared[];
  constexpr int left = kRows * kInner * 2, right = columns * kInner * 2, wide = columns / 2;  // bytes of a stage; a warp's columns
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int across = (a.out_channels + columns - 1) / columns;  // tiles beside each other, which share their rows
  const int column0 = blockIdx.x % across * columns, row0 = blockIdx.x / across * kRows;
  const int rows = a.out[0] * a.out[1] * a.out[2], inner = a.kernel[0] * a.kernel[1] * a.kernel[2] * a.channels;
  const int copy_row = thread / 8, eighth = thread % 8;
  const T *x = static_cast<const T*>(a.x), *w = static_cast<const T*>(a.weight);
  const int64_t frame = int64_t(a.in[1]) * a.in[2] * a.channels;
  const T* before = static_cast<const T*>(a.history) + a.past * frame;  // frame 0 is x's, those below lie in front of this
  const unsigned tall = unsigned(a.in[1]) << a.twice, broad = unsigned(a.in[2]) << a.twice;

  int first[kLoads], corner[kLoads];  // of each row: its first tap's frame; its height and width
#pragma unroll
  for (int i = 0; i < kLoads; i++) {
    const int m = row0 + copy_row + i * (kRows / 8);
    const int ow = m % a.out[2], oh = m / a.out[2] % a.out[1], ot = m / a.out[2] / a.out[1];
    first[i] = m < rows ? ot * a.stride[0] - a.pad[0] : kNowhere;
    corner[i] = (oh * a.stride[1] - a.pad[1]) * 65536 + ((ow * a.stride[2] - a.pad[2]) & 0xffff);
  }
  Tap tap;
  tap.start(a, eighth * 8);
  int at = eighth * 8;  // in the inner dimension
  auto load = [&](int stage) {
    const uint32_t to = shared_address(shared) + stage * (left + right);
#pragma unroll
    for (int i = 0; i < kLoads; i++) {
      int t = first[i] + tap.t, h = (corner[i] >> 16) + tap.h, v = int(int16_t(corner[i] & 0xffff)) + tap.w;
      if (a.edge) t = min(max(t, 0), a.in[0] - 1);
      if (a.mirror) h = mirrored(h, tall), v = mirrored(v, broad);
      const bool there = at < inner && unsigned(h) < tall && unsigned(v) < broad && t >= -a.past && t < a.in[0];
      const T* from = x;
      if (there) from = (t < 0 ? before : x) + t * frame + ((h >> a.twice) * a.in[2] + (v >> a.twice)) * a.channels + tap.c;
      copy16(to + in_tile(copy_row + i * (kRows / 8), eighth), from, there);
    }
#pragma unroll
    for (int i = 0; i < (columns + kRows / 8 - 1) / (kRows / 8); i++) {
      const int n = copy_row + i * (kRows / 8);
      if (n >= columns) continue;
      const bool there = at < inner && column0 + n < a.out_channels;
      copy16(to + left + in_tile(n, eighth), there ? w + int64_t(column0 + n) * inner + at : w, there);
    }
    tap.next(a);
    at += kInner;
  };

  float sum[4][wide / 8][4] = {};
  const int warp_row = warp / 2 * 64, warp_column = warp % 2 * wide;
  const int chunks = (inner + kInner - 1) / kInner;
#pragma unroll
  for (int s = 0; s < stages - 1; s++) {
    if (s < chunks) load(s);
    commit();
  }
  for (int k = 0; k < chunks; k++) {
    arrived<stages - 2>();
    __syncthreads();
    if (k + stages - 1 < chunks) load((k + stages - 1) % stages);
    commit();
    const uint32_t tile = shared_address(shared) + k % stages * (left + right);
#pragma unroll
    for (int kk = 0; kk < kInner / 16; kk++) {
      uint32_t ra[4][4], rb[wide / 16][4];
#pragma unroll
      for (int i = 0; i < 4; i++) load4(ra[i], tile + in_tile(warp_row + i * 16 + lane % 16, kk * 2 + lane / 16));
#pragma unroll
      for (int j = 0; j < wide / 16; j++) load4(rb[j], tile + left + in_tile(warp_column + j * 16 + lane % 8 + lane / 16 * 8, kk * 2 + lane / 8 % 2));
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < wide / 8; j++) multiply<T>(sum[i][j], ra[i], rb[j / 2][j % 2 * 2], rb[j / 2][j % 2 * 2 + 1]);
    }
  }

  const T* residual = static_cast<const T*>(a.residual);
  T* y = static_cast<T*>(a.y);
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int m = row0 + warp_row + i * 16 + half * 8 + lane / 4;
      if (m >= rows) continue;
#pragma unroll
      for (int j = 0; j < wide / 8; j++) {
        const int n = column0 + warp_column + j * 8 + lane % 4 * 2;
        const int64_t e = int64_t(m) * a.out_channels + n;
#pragma unroll
        for (int c = 0; c < 2; c++) {
          if (n + c >= a.out_channels) continue;
          float v = (sum[i][j][half * 2 + c] + (a.bias ? a.bias[n + c] : 0.f)) * a.scale;
          if (residual) v += float(residual[e + c]);
          sum[i][j][half * 2 + c] = v;
        }
        if (a.out_channels % 2 == 0 && n < a.out_channels) {
          struct alignas(2 * sizeof(T)) Pair {
            T a, b;
          };
          *reinterpret_cast<Pair*>(y + e) = Pair{T(sum[i][j][half * 2]), T(sum[i][j][half * 2 + 1])};
        } else {
          for (int c = 0; c < 2; c++)
            if (n + c < a.out_channels) y[e + c] = T(sum[i][j][half * 2 + c]);
        }
      }
    }
}

template <class T, int rows, int columns, int stages>
void launch(const ConvArgs& a, cudaStream_t s) {
  constexpr int bytes = stages * (rows + columns) * kInner * 2;
  check(cudaFuncSetAttribute(conv_kernel<T, rows, columns, stages>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "shared memory of a convolution");
  const int64_t all = int64_t(a.out[0]) * a.out[1] * a.out[2];
  const unsigned tiles = unsigned((all + rows - 1) / rows * ((a.out_channels + columns - 1) / columns));
  conv_kernel<T, rows, columns, stages><<<tiles, rows, bytes, s>>>(a);
}

// shared_limit is what a block of the current device may have, bytes.
int shared_limit() {
  int device, bytes;
  check(cudaGetDevice(&device), "current device");
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "shared memory of a block");
  return bytes;
}

// tiled chooses a tile of rows. On one H100 two small blocks on a multiprocessor beat one large by 4 to 25 %, but where their tile of
// columns is the widest one.
template <class T, int columns>
void tiled(const ConvArgs& a, cudaStream_t s) {
  if constexpr (columns < 128) launch<T, 128, columns, 2>(a, s);
  else if (3 * (256 + columns) * kInner * 2 <= shared_limit()) launch<T, 256, columns, 3>(a, s);
  else launch<T, 256, columns, 2>(a, s);
}

// The widest tile of columns, unless a narrower one leaves fewer columns without a use.
template <class T>
void conv_as(const ConvArgs& a, cudaStream_t s) {
  auto padded = [&](int columns) { return (a.out_channels + columns - 1) / columns * columns; };
  int best = 128;
  for (int columns : {96, 64, 32})
    if (padded(columns) < padded(best)) best = columns;
  if (best == 128) tiled<T, 128>(a, s);
  else if (best == 96) tiled<T, 96>(a, s);
  else if (best == 64) tiled<T, 64>(a, s);
  else tiled<T, 32>(a, s);
}

// norm_kernel: so many lanes take a position's channels, in vectors of eight.
template <class T, int lanes, int each>
__global__ void norm_kernel(const T* x, const float* gamma, T* y, int64_t positions, int channels, float epsilon, float under, bool act) {
  const int64_t at = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / lanes;
  const int lane = threadIdx.x % lanes, vectors = channels / kVector;
  float v[each][kVector], square = 0;
  if (at < positions)
#pragma unroll
    for (int i = 0; i < each; i++) {
      if (lane + i * lanes >= vectors) continue;
      unpack(x + at * channels + (lane + i * lanes) * kVector, v[i]);
#pragma unroll
      for (int j = 0; j < kVector; j++) square += v[i][j] * v[i][j];
    }
#pragma unroll
  for (int o = lanes / 2; o; o >>= 1) square += __shfl_xor_sync(~0u, square, o);
  if (at >= positions) return;
  const float inverse = 1 / fmaxf(sqrtf(square + under), epsilon);
#pragma unroll
  for (int i = 0; i < each; i++) {
    if (lane + i * lanes >= vectors) continue;
    float g[kVector];
    unpack(gamma + (lane + i * lanes) * kVector, g);
#pragma unroll
    for (int j = 0; j < kVector; j++) {
      v[i][j] *= inverse * g[j];
      if (act) v[i][j] = __fdividef(v[i][j], 1 + __expf(-v[i][j]));
    }
    pack(y + at * channels + (lane + i * lanes) * kVector, v[i]);
  }
}

template <class T, int lanes, int each>
void norm_launch(const T* x, const float* gamma, T* y, int64_t positions, int channels, float epsilon, float under, bool act, cudaStream_t s) {
  norm_kernel<T, lanes, each><<<unsigned((positions * lanes + 255) / 256), 256, 0, s>>>(x, gamma, y, positions, channels, epsilon, under, act);
}

template <class T>
void norm_as(const T* x, const float* gamma, T* y, int64_t positions, int channels, float epsilon, float under, bool act, cudaStream_t s) {
  const int vectors = channels / kVector;
  if (vectors <= 4) norm_launch<T, 4, 1>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else if (vectors <= 12) norm_launch<T, 4, 3>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else if (vectors <= 16) norm_launch<T, 16, 1>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else if (vectors <= 24) norm_launch<T, 8, 3>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else if (vectors <= 32) norm_launch<T, 16, 2>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else if (vectors <= 48) norm_launch<T, 16, 3>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else if (vectors <= 128) norm_launch<T, 32, 4>(x, gamma, y, positions, channels, epsilon, under, act, s);
  else throw std::runtime_error(std::to_string(channels) + " channels: up to 1024 are possible");
}

}  // namespace

void conv(const ConvArgs& a, ONNXTensorElementDataType t, cudaStream_t s) {
  for (int i = 0; i < 3; i++)
    if (a.out[i] <= 0 || a.in[i] <= 0 || a.in[i] << a.twice > 32000) throw std::runtime_error("a clip that is empty, or has a side of more than 32000");
  if (a.channels % 8) throw std::runtime_error(std::to_string(a.channels) + " channels: a multiple of 8 is needed");
  if (int64_t(a.out[0]) * a.out[1] * a.out[2] > INT32_MAX - 256 || int64_t(a.in[1]) * a.in[2] * a.channels > INT32_MAX)
    throw std::runtime_error("a clip of more than 2^31 positions, or values a frame");
  if (conv_hopper(a, t, s)) return;
  if (t == kHalf) conv_as<__half>(a, s);
  else conv_as<__nv_bfloat16>(a, s);
}

void last_norm(const void* x, const float* gamma, void* y, int64_t positions, int64_t channels, float epsilon, float under, bool act,
               ONNXTensorElementDataType t, cudaStream_t s) {
  if (channels % kVector) throw std::runtime_error(std::to_string(channels) + " channels: a multiple of 8 is needed");
  if (!positions) return;
  if (t == kHalf) norm_as(static_cast<const __half*>(x), gamma, static_cast<__half*>(y), positions, int(channels), epsilon, under, act, s);
  else norm_as(static_cast<const __nv_bfloat16*>(x), gamma, static_cast<__nv_bfloat16*>(y), positions, int(channels), epsilon, under, act, s);
}

void carry(const ConvArgs& a, int64_t frames, void* next, ONNXTensorElementDataType, cudaStream_t s) {
  const int64_t bytes = int64_t(a.in[1]) * a.in[2] * a.channels * 2;
  for (int64_t i = 0; i < frames; i++) {  // from the oldest on: next may be the history itself
    const int64_t from = a.in[0] - frames + i;
    uint8_t* to = static_cast<uint8_t*>(next) + i * bytes;
    if (from >= 0) check(cudaMemcpyAsync(to, static_cast<const uint8_t*>(a.x) + from * bytes, bytes, cudaMemcpyDeviceToDevice, s), "history");
    else if (from >= -a.past) check(cudaMemcpyAsync(to, static_cast<const uint8_t*>(a.history) + (from + a.past) * bytes, bytes, cudaMemcpyDeviceToDevice, s), "history");
    else check(cudaMemsetAsync(to, 0, bytes, s), "history");
  }
}

}  // namespace videosdgx
