// Convolutions over clips with their channels innermost by Hopper's matrix instructions. A block takes a tile of pixels of one
// frame of the result and has, of every frame that it looks at, the pixels of the tile and of the rim around it in shared memory
// once, for so many channels at a time: a tap is the same pixels seen from an address that is further on. Of one warpgroup three
// warps copy pixels and one has each tap's weights brought, as far ahead as there is room; two others multiply, each the upper or the
// lower half of the tile, in squares of eight by eight pixels.
#include "conv.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

#include "hopper.cuh"
#include "mirror.cuh"
#include "tensor_map.h"

namespace videosdgx {
namespace {

constexpr int kThreads = 384;
constexpr int kChunk = 32;              // channels at a time
constexpr int kRow = 2 * kChunk;        // bytes of a pixel, or of a column of weights
constexpr int kTall = 16;               // pixels of a tile from top to bottom
constexpr int kShared = 232448 - 1024;  // bytes, without the barriers

// Tile has the sizes of a tile: 8 · wide × 16 pixels, N columns of the result, a kernel of K × K pixels.
template <int N, int wide, int K>
struct Tile {
  static constexpr int across = 8 * wide, pitch = across + K - 1, pixels = pitch * (kTall + K - 1);
  static constexpr int pixel_bytes = (pixels * kRow + 1023) / 1024 * 1024;
  static constexpr int weight_bytes = (N * kRow + 1023) / 1024 * 1024;
  static constexpr int table_bytes = (pixels * 4 + 1023) / 1024 * 1024;  // where each pixel lies
  static constexpr int pixel_slots = K > 1 ? 3 : 4, weight_slots = std::min(12, (kShared - table_bytes - pixel_slots * pixel_bytes) / weight_bytes);
  static constexpr int bytes = 1024 + table_bytes + pixel_slots * pixel_bytes + weight_slots * weight_bytes;
  static_assert(weight_slots >= 4, "room for weights");
};

// Grid is how many tiles there are in each direction.
struct Grid {
  int columns, frames, across, tiles;
};

#if VIDEOSDGX_HOPPER

constexpr int kCopiers = 96;  // threads that copy pixels

// Slot walks around a ring.
template <int slots>
struct Slot {
  int at = 0;
  uint32_t parity = 0;
  __device__ inline void next() {
    if (++at == slots) at = 0, parity ^= 1;
  }
};

// Rings are the block's shared memory: for every slot of both rings a barrier that says full and one that says empty, then the slots.
template <class S>
struct Rings {
  uint32_t base;
  __device__ inline uint32_t pixels_full(int i) const { return base + i * 8; }
  __device__ inline uint32_t pixels_empty(int i) const { return base + 64 + i * 8; }
  __device__ inline uint32_t weights_full(int i) const { return base + 128 + i * 8; }
  __device__ inline uint32_t weights_empty(int i) const { return base + 256 + i * 8; }
  __device__ inline uint32_t pixels(int i) const { return base + 1024 + S::table_bytes + i * S::pixel_bytes; }
  __device__ inline uint32_t weights(int i) const { return pixels(S::pixel_slots) + i * S::weight_bytes; }
};

// Place is a tile's: its first column, first pixel, and frame.
struct Place {
  int column, x, y, t;
};

template <int N, int wide>
__device__ inline Place place(const Grid& g, int tile) {
  Place p;
  p.column = tile % g.columns * N, tile /= g.columns;
  p.t = tile % g.frames, tile /= g.frames;  // the same place of neighbouring frames at one time: they read the same frames
  p.x = tile % g.across * (8 * wide), p.y = tile / g.across * kTall;
  return p;
}

// there says whether a frame is one of the clip or of its history, or one of those stands for it; all others are zeros, and left out.
__device__ inline bool there(const ConvArgs& a, int t) { return a.edge || (t >= -a.past && t < a.in[0]); }

__device__ inline void copy_or_zero(uint32_t to, const void* from, bool copied) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(copied ? 16 : 0) : "memory");
}

// copies_landed waits until all but the last so many batches of this thread's copies have landed.
template <int pending>
__device__ inline void copies_landed() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

// bring_weights has the copying unit bring a tap's weights: the columns of a tile, so many channels of each. One thread calls it.
template <class T, int N, int wide, int K>
__device__ inline void bring_weights(const ConvArgs& a, const Grid& g, const Rings<Tile<N, wide, K>>& rings, const CUtensorMap* weights) {
  Slot<Tile<N, wide, K>::weight_slots> slot;
  for (int tile = blockIdx.x; tile < g.tiles; tile += gridDim.x) {
    const Place p = place<N, wide>(g, tile);
    for (int kt = 0; kt < a.kernel[0]; kt++) {
      if (!there(a, p.t - a.pad[0] + kt)) continue;
      for (int c = 0; c < a.channels; c += kChunk)
        for (int tap = 0; tap < K * K; tap++, slot.next()) {
          hopper::wait(rings.weights_empty(slot.at), slot.parity ^ 1);
          hopper::arrive_expecting(rings.weights_full(slot.at), N * kRow);
          hopper::load(rings.weights(slot.at), weights, rings.weights_full(slot.at), (kt * K * K + tap) * a.channels + c, p.column);
        }
    }
  }
}

// copy_pixels fills the pixels' ring, as three warps of the first warpgroup. What is copied is told of when the next has been begun, or
// when that has to wait.
template <class T, int N, int wide, int K>
__device__ inline void copy_pixels(const ConvArgs& a, const Grid& g, const Rings<Tile<N, wide, K>>& rings, int* table) {
  using S = Tile<N, wide, K>;
  Slot<S::pixel_slots> slot, told;
  bool pending = false;
  const int thread = threadIdx.x - 32, group = thread % 4, first = thread / 4;  // eight channels of a pixel
  constexpr int every = kCopiers / 4;
  const T* x = static_cast<const T*>(a.x);
  const int64_t frame = int64_t(a.in[1]) * a.in[2] * a.channels;
  const T* before = static_cast<const T*>(a.history) + a.past * frame;
  const unsigned tall = unsigned(a.in[1]) << a.twice, broad = unsigned(a.in[2]) << a.twice;
  const uint32_t mine = first * kRow + ((group ^ (first / 2 % 4)) << 4);
  auto tell = [&] {
    hopper::writes_visible_to_copies();
    hopper::arrive(rings.pixels_full(told.at));
    told.next();
    pending = false;
  };
  for (int tile = blockIdx.x; tile < g.tiles; tile += gridDim.x) {
    const Place p = place<N, wide>(g, tile);
    // Each pixel is looked after by four lanes of one warp.
    for (int pixel = first; pixel < S::pixels; pixel += every) {
      int h = p.y - a.pad[1] + pixel / S::pitch, v = p.x - a.pad[2] + pixel % S::pitch;
      if (a.mirror) h = mirrored(h, tall), v = mirrored(v, broad);
      const bool inside = unsigned(h) < tall && unsigned(v) < broad;
      if (group == 0) table[pixel] = inside ? ((h >> a.twice) * a.in[2] + (v >> a.twice)) * a.channels : -1;
    }
    __syncwarp();
    for (int kt = 0; kt < a.kernel[0]; kt++) {
      int t = p.t - a.pad[0] + kt;
      if (!there(a, t)) continue;
      if (a.edge) t = min(max(t, 0), a.in[0] - 1);
      const T* from = (t < 0 ? before : x) + t * frame + group * 8;
      for (int c = 0; c < a.channels; c += kChunk, slot.next()) {
        if (!hopper::arrived(rings.pixels_empty(slot.at), slot.parity ^ 1)) {
          if (pending) copies_landed<0>(), tell();
          hopper::wait(rings.pixels_empty(slot.at), slot.parity ^ 1);
        }
        uint32_t to = rings.pixels(slot.at) + mine;
#pragma unroll 8
        for (int pixel = first; pixel < S::pixels; pixel += every, to += every * kRow) {
          const int offset = table[pixel];
          copy_or_zero(to, offset < 0 ? x : from + offset + c, offset >= 0);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
        if (pending) copies_landed<1>(), tell();
        pending = true;
      }
    }
    __syncwarp();  // before the table is the next tile's
  }
  if (pending) copies_landed<0>(), tell();
}

// turned has four lanes exchange four words each: lane i's j-th is what lane j's i-th was.
__device__ inline void turned(uint32_t (&w)[4]) {
  const bool odd = threadIdx.x & 1, high = threadIdx.x & 2;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const uint32_t got = __shfl_xor_sync(~0u, odd ? w[i] : w[i + 1], 1);
    (odd ? w[i] : w[i + 1]) = got;
  }
#pragma unroll
  for (int i = 0; i < 2; i++) {
    const uint32_t got = __shfl_xor_sync(~0u, high ? w[i] : w[i + 2], 2);
    (high ? w[i] : w[i + 2]) = got;
  }
}

__device__ inline float2 wide_pair(const __half*, uint32_t w) { return __half22float2(*reinterpret_cast<__half2*>(&w)); }
__device__ inline float2 wide_pair(const __nv_bfloat16*, uint32_t w) { return __bfloat1622float2(*reinterpret_cast<__nv_bfloat162*>(&w)); }
__device__ inline uint32_t narrow_pair(const __half*, float a, float b) {
  __half2 v = __floats2half2_rn(a, b);
  return *reinterpret_cast<uint32_t*>(&v);
}
__device__ inline uint32_t narrow_pair(const __nv_bfloat16*, float a, float b) {
  __nv_bfloat162 v = __floats2bfloat162_rn(a, b);
  return *reinterpret_cast<uint32_t*>(&v);
}

// Part is a thread's part of a tile: its pixel in the first row of the first square, and how many rows and columns are left from there.
struct Part {
  int64_t pixel;
  int rows, columns, quarter;
  // of the squares' rows, two for each square
  __device__ inline bool inside(int m) const { return m % 2 < rows && m / 2 * 8 < columns; }
  __device__ inline int64_t at(const ConvArgs& a, int m) const { return pixel + m % 2 * a.out[2] + m / 2 * 8; }
};

// write_few adds bias and residual to the sums of a few columns and writes them one by one.
template <class T, int N, int wide>
__device__ inline void write_few(const ConvArgs& a, const float (&sum)[wide][N / 2], int column0, const Part& p) {
#pragma unroll
  for (int m = 0; m < 2 * wide; m++)
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
      const int n = column0 + i / 2 * 8 + p.quarter * 2 + i % 2;
      if (!p.inside(m) || n >= a.out_channels) continue;
      const int64_t e = p.at(a, m) * a.out_channels + n;
      float v = (sum[m / 2][i / 2 * 4 + m % 2 * 2 + i % 2] + (a.bias ? a.bias[n] : 0.f)) * a.scale;
      if (a.residual) v += float(static_cast<const T*>(a.residual)[e]);
      static_cast<T*>(a.y)[e] = T(v);
    }
}

// write adds bias and residual to the sums and writes them, 32 columns at a time, 16 bytes a lane.
template <class T, int N, int wide>
__device__ inline void write(const ConvArgs& a, const float (&sum)[wide][N / 2], int column0, const Part& p) {
  constexpr int batch = 4;  // rows whose residuals are under way together
  const T* residual = static_cast<const T*>(a.residual);
  T* y = static_cast<T*>(a.y);
#pragma unroll
  for (int j = 0; j < N / 8; j += 4) {
    const int mine = column0 + (j + p.quarter) * 8;
    float2 bias[4] = {};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int n = column0 + (j + i) * 8 + p.quarter * 2;
      if (a.bias && n < a.out_channels) bias[i] = __ldg(reinterpret_cast<const float2*>(a.bias + n));
    }
#pragma unroll
    for (int m0 = 0; m0 < 2 * wide; m0 += batch) {
      uint32_t w[batch][4] = {};
      if (a.residual) {
#pragma unroll
        for (int m = m0; m < m0 + batch && m < 2 * wide; m++)
          if (p.inside(m) && mine < a.out_channels) {
            const uint4 r = __ldg(reinterpret_cast<const uint4*>(residual + p.at(a, m) * a.out_channels + mine));
            w[m - m0][0] = r.x, w[m - m0][1] = r.y, w[m - m0][2] = r.z, w[m - m0][3] = r.w;
          }
#pragma unroll
        for (int m = m0; m < m0 + batch && m < 2 * wide; m++) turned(w[m - m0]);
      }
#pragma unroll
      for (int m = m0; m < m0 + batch && m < 2 * wide; m++) {
        uint32_t(&v)[4] = w[m - m0];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          const float2 r = wide_pair(y, v[i]);
          const float* d = &sum[m / 2][(j + i) * 4 + m % 2 * 2];
          v[i] = narrow_pair(y, (d[0] + bias[i].x) * a.scale + r.x, (d[1] + bias[i].y) * a.scale + r.y);
        }
        turned(v);
        if (p.inside(m) && mine < a.out_channels) *reinterpret_cast<uint4*>(y + p.at(a, m) * a.out_channels + mine) = make_uint4(v[0], v[1], v[2], v[3]);
      }
    }
  }
}

template <class T, int N, int wide, int K>
__device__ inline void multiply_tiles(const ConvArgs& a, const Grid& g, uint32_t base, int half) {
  using S = Tile<N, wide, K>;
  const Rings<S> rings{base};
  Slot<S::pixel_slots> pixels;
  Slot<S::weight_slots> weights;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  for (int tile = blockIdx.x; tile < g.tiles; tile += gridDim.x) {
    const Place p = place<N, wide>(g, tile);
    float sum[wide][N / 2];
#pragma unroll
    for (int i = 0; i < wide; i++)
#pragma unroll
      for (int j = 0; j < N / 2; j++) sum[i][j] = 0;
    int used_pixels = -1, used_weights = -1;  // slots to be given back when the instructions under way have ended
    for (int kt = 0; kt < a.kernel[0]; kt++) {
      if (!there(a, p.t - a.pad[0] + kt)) continue;
      for (int c = 0; c < a.channels; c += kChunk) {
        hopper::wait(rings.pixels_full(pixels.at), pixels.parity);
        const uint64_t left0 = hopper::narrow_matrix(rings.pixels(pixels.at) + half * 8 * S::pitch * kRow, S::pitch * kRow);
#pragma unroll 1
        for (int tap = 0; tap < K * K; tap++) {
          hopper::wait(rings.weights_full(weights.at), weights.parity);
          const uint64_t left = left0 + (tap / K * S::pitch + tap % K) * (kRow / 16), right = hopper::narrow_matrix(rings.weights(weights.at), 8 * kRow);
          hopper::products_begin();
#pragma unroll
          for (int k = 0; k < kChunk / 16; k++)
#pragma unroll
            for (int i = 0; i < wide; i++) hopper::Product<N>::template both<T>(sum[i], left + k * 2 + i * 8 * (kRow / 16), right + k * 2, 1);
          hopper::products_commit();
          hopper::products_wait<1>();
          if (lane == 0) {
            if (used_weights >= 0) hopper::arrive(rings.weights_empty(used_weights));
            if (used_pixels >= 0) hopper::arrive(rings.pixels_empty(used_pixels));
          }
          used_weights = weights.at, used_pixels = tap == K * K - 1 ? pixels.at : -1;
          weights.next();
        }
        pixels.next();
      }
    }
    hopper::products_wait<0>();
    if (lane == 0) {
      if (used_weights >= 0) hopper::arrive(rings.weights_empty(used_weights));
      if (used_pixels >= 0) hopper::arrive(rings.pixels_empty(used_pixels));
    }
#pragma unroll
    for (int i = 0; i < wide; i++) hopper::settled(sum[i]);
    const int x = p.x + lane / 4, y = p.y + half * 8 + warp * 2;
    const Part part{(int64_t(p.t) * a.out[1] + y) * a.out[2] + x, a.out[1] - y, a.out[2] - x, lane % 4};
    if constexpr (N % 32) write_few<T, N, wide>(a, sum, p.column, part);
    else write<T, N, wide>(a, sum, p.column, part);
  }
}

#endif

template <class T, int N, int wide, int K>
__global__ void __launch_bounds__(kThreads, 1) hopper_kernel(const __grid_constant__ ConvArgs a, const __grid_constant__ CUtensorMap weights, Grid g) {
#if VIDEOSDGX_HOPPER
  using S = Tile<N, wide, K>;
  extern __shared__ __align__(1024) uint8_t memory[];
  const uint32_t base = uint32_t(__cvta_generic_to_shared(memory));
  const Rings<S> rings{base};
  if (threadIdx.x == 0) {
    for (int i = 0; i < S::pixel_slots; i++) hopper::barrier_init(rings.pixels_full(i), kCopiers), hopper::barrier_init(rings.pixels_empty(i), 8);
    for (int i = 0; i < S::weight_slots; i++) hopper::barrier_init(rings.weights_full(i), 1), hopper::barrier_init(rings.weights_empty(i), 8);
    hopper::barriers_visible();
    hopper::writes_visible_to_copies();
  }
  __syncthreads();
  const int group = __shfl_sync(~0u, threadIdx.x / 128, 0);
  if (group == 0) {
    hopper::fewer_registers<40>();
    if (threadIdx.x >= 32) copy_pixels<T, N, wide, K>(a, g, rings, reinterpret_cast<int*>(memory + 1024));
    else if (threadIdx.x == 0) bring_weights<T, N, wide, K>(a, g, rings, &weights);
  } else {
    hopper::more_registers<232>();
    multiply_tiles<T, N, wide, K>(a, g, base, group - 1);
  }
#endif
}

// on_hopper says whether the current device has these instructions, and how many multiprocessors there are.
bool on_hopper(int& processors) {
  int device, major;
  check(cudaGetDevice(&device), "current device");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "compute capability");
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "multiprocessors");
  return major == 9;
}

int over(int n, int by) { return (n + by - 1) / by; }

// weights_map describes the weights, [out channels, taps · channels], of which so many columns of the result come at a time.
template <class T>
CUtensorMap weights_map(const ConvArgs& a, int columns) {
  const cuuint64_t inner = cuuint64_t(a.kernel[0]) * a.kernel[1] * a.kernel[2] * a.channels;
  const cuuint64_t dims[] = {inner, cuuint64_t(a.out_channels)}, strides[] = {inner * 2};
  const cuuint32_t box[] = {kChunk, cuuint32_t(columns)}, every[] = {1, 1};
  CUtensorMap m;
  const CUresult r = tensor_map_encoder()(&m, std::is_same<T, __half>::value ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(a.weight), dims,
                               strides, box, every, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                               CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (r != CUDA_SUCCESS) throw std::runtime_error("no tensor map of a convolution's weights (error " + std::to_string(int(r)) + ")");
  return m;
}

template <class T, int N, int wide, int K>
void launch(const ConvArgs& a, int processors, cudaStream_t s) {
  using S = Tile<N, wide, K>;
  Grid g{over(a.out_channels, N), a.out[0], over(a.out[2], S::across), 0};
  g.tiles = g.columns * g.frames * g.across * over(a.out[1], kTall);
  check(cudaFuncSetAttribute(hopper_kernel<T, N, wide, K>, cudaFuncAttributeMaxDynamicSharedMemorySize, S::bytes), "shared memory of a convolution");
  hopper_kernel<T, N, wide, K><<<std::min(g.tiles, processors), kThreads, S::bytes, s>>>(a, weights_map<T>(a, N), g);
}

template <class T, int K>
bool conv_of(const ConvArgs& a, int processors, cudaStream_t s) {
  auto padded = [&](int columns) { return over(a.out_channels, columns) * columns; };
  if (a.out_channels <= 8) return launch<T, 8, 4, K>(a, processors, s), true;
  if (a.out_channels % 8) return false;
  int best = 192;
  for (int columns : {128, 96})
    if (padded(columns) < padded(best)) best = columns;
  if (2 * padded(best) > 3 * a.out_channels) return false;
  if (best == 192) launch<T, 192, 2, K>(a, processors, s);
  else if (best == 128) launch<T, 128, 3, K>(a, processors, s);
  else launch<T, 96, 4, K>(a, processors, s);
  return true;
}

}  // namespace

bool conv_hopper(const ConvArgs& a, ONNXTensorElementDataType t, cudaStream_t s) {
  int processors;
  if (a.channels % kChunk || a.kernel[1] != a.kernel[2] || (a.kernel[1] != 1 && a.kernel[1] != 3)) return false;
  if (a.stride[0] != 1 || a.stride[1] != 1 || a.stride[2] != 1 || !on_hopper(processors)) return false;
  if (t == kHalf) return a.kernel[1] == 3 ? conv_of<__half, 3>(a, processors, s) : conv_of<__half, 1>(a, processors, s);
  return a.kernel[1] == 3 ? conv_of<__nv_bfloat16, 3>(a, processors, s) : conv_of<__nv_bfloat16, 1>(a, processors, s);
}

}  // namespace videosdgx
