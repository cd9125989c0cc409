// The kernel of attention.h. A block computes 128 queries of a head: one warpgroup brings tiles of keys and values by tensor copies, two
// compute 64 queries each. While a warpgroup takes the softmax of a tile of scores, its own product with the values of the tile before
// and the other warpgroup's products keep the tensor cores busy; the two take turns in queueing theirs.
#pragma once
#include <cfloat>

#include "attention.h"
#include "hopper.cuh"

namespace videosdgx {

struct AttentionShape {
  int q_tokens, k_tokens, heads;
  float scale;           // of a score, times log2(e); with codes it is in q_scales already
  const float* q_scales; // with codes [batch, q_tokens, heads], and
  const float* k_scales; // [batch, heads, tiles of keys]
  int whole = 0x7fffffff, parts = 1;  // clusters of blocks from this one on compute one of so many parts of the keys
  float* part_sums = nullptr;         // [parts of all, queries of a cluster, head] before they are divided, with
  float2* part_rows = nullptr;        // [parts of all, queries of a cluster] maximum and sum
};

// AttentionTile is what a kernel is compiled for: T, heads of `head`, `keys` keys at a time, `stages` such tiles in shared memory, `blocks`
// neighbours that bring a part of each tile for all of them.
template <class T_, int head_, int keys_, int stages_, bool codes_, int blocks_ = 1, bool turns_ = true>
struct AttentionTile {
  using T = T_;
  static constexpr int head = head_, keys = keys_, stages = stages_, queries = 128, blocks = blocks_;
  static constexpr bool codes = codes_, turns = turns_;
  static constexpr int panels = head / 64;                   // of 64 elements, 128 bytes, of T
  static constexpr int score_panels = codes ? 1 : panels;    // 128 bytes of q and k
  static constexpr int q_bytes = queries * 128 * score_panels, k_bytes = keys * 128 * score_panels, v_bytes = keys * 128 * panels;
  static constexpr int out_bytes = queries * 128 * panels;
  static constexpr int out_at = codes ? q_bytes : 0;         // a warpgroup's output takes the place of its queries, unless these are smaller
  static constexpr int k_at = out_at + out_bytes, v_at = k_at + stages * k_bytes, barriers_at = v_at + stages * v_bytes;
  static constexpr int shared_bytes = barriers_at + 8 * (1 + 4 * stages) + 1024;  // the last for alignment
  static_assert(!codes || head == 128);
  static_assert(keys % 16 == 0 && keys / blocks % 8 == 0 && shared_bytes <= 227 * 1024);
};

namespace attention_parts {

constexpr float kMagic = 12582912.0f;         // 0x4B400000: floats from 2^23 to 2^24 are apart by 1, so that an integer may be added to its bits
constexpr uint32_t kMagicBits = 0x4B400000u;
constexpr float kLeastFactor = FLT_MIN;       // of scores: that of one that is left out, -∞, times 0 is no number, and below this every score is as good as 0
constexpr float kSlack = 8;                   // the largest exponent of 2 above the maximum in use before that is replaced

struct Barriers {
  uint32_t at;
  int stages;
  __device__ uint32_t q() const { return at; }
  __device__ uint32_t full_k(int s) const { return at + 8 + 8 * s; }
  __device__ uint32_t full_v(int s) const { return at + 8 + 8 * (stages + s); }
  __device__ uint32_t free_k(int s) const { return at + 8 + 8 * (2 * stages + s); }
  __device__ uint32_t free_v(int s) const { return at + 8 + 8 * (3 * stages + s); }
};

// Ring is a stage and the phase of its barriers.
template <int stages>
struct Ring {
  int stage = 0, phase = 0;
  __device__ __forceinline__ void next() {
    if (++stage == stages) stage = 0, phase ^= 1;
  }
};

__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ __forceinline__ float value(float x) { return x; }
__device__ __forceinline__ float value(uint32_t x) { return __uint_as_float(x); }
__device__ __forceinline__ int bits(float x) { return __float_as_int(x); }
__device__ __forceinline__ int bits(uint32_t x) { return int(x); }
__device__ __forceinline__ void put(float& x, float v) { x = v; }
__device__ __forceinline__ void put(uint32_t& x, float v) { x = __float_as_uint(v); }

template <class T>
__device__ __forceinline__ uint32_t two(float low, float high) {
  if constexpr (std::is_same_v<T, __half>) {
    const __half2 h = __floats2half2_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&h);
  } else {
    const __nv_bfloat162 h = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&h);
  }
}

__device__ __forceinline__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0u, x, 2));
}
__device__ __forceinline__ float quad_sum(float x) {
  x += __shfl_xor_sync(~0u, x, 1);
  return x + __shfl_xor_sync(~0u, x, 2);
}

// Work is what a block computes: 128 queries from `first` on, tiles of keys from..to - 1; part is the place of the result where these are
// not all, -1 otherwise.
struct Work {
  int first, head, batch, from, to, part;
};

template <class Tile>
__device__ __forceinline__ Work work_of(const AttentionShape& shape) {
  constexpr int queries = Tile::queries * Tile::blocks;
  const int cluster = blockIdx.x / Tile::blocks, beyond = cluster - shape.whole, tiles = (shape.k_tokens + Tile::keys - 1) / Tile::keys;
  const int unit = beyond < 0 ? cluster : shape.whole + beyond / shape.parts, along = (shape.q_tokens + queries - 1) / queries;
  Work w{unit % along * queries + int(blockIdx.x % Tile::blocks) * Tile::queries, unit / along % shape.heads, unit / along / shape.heads, 0, tiles, -1};
  if (beyond >= 0) {
    const int i = beyond % shape.parts;
    w.from = tiles * i / shape.parts, w.to = tiles * (i + 1) / shape.parts, w.part = beyond * Tile::blocks + blockIdx.x % Tile::blocks;
  }
  return w;
}

// Rows is the softmax of a thread's two rows so far: the maximum in use and the sum of the thread's columns, both of powers of 2.
struct Rows {
  float most[2] = {-FLT_MAX, -FLT_MAX}, sum[2] = {0, 0}, shrink[2] = {1, 1};
  bool shrunk = false;  // of the whole warp: what was summed before has to be multiplied by shrink

  // weigh makes weights of scores. factor[r] of a score is its exponent of 2.
  template <bool codes, int n, class S>
  __device__ __forceinline__ void weigh(S (&s)[n], const float (&factor)[2]) {
    float top[2];
    // Numbers of one sign compare as the integers of their bits, of which three at a time have an instruction, positive ones backwards to
    // none. Where there are only negative ones the result is some of them, which will do if 0 is no reason for another maximum.
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int a = bits(s[2 * r]), b = bits(s[2 * r + 1]);
#pragma unroll
      for (int i = 4; i + 4 < n; i += 8)
        a = __vimax3_s32(a, bits(s[i + 2 * r]), bits(s[i + 4 + 2 * r])), b = __vimax3_s32(b, bits(s[i + 1 + 2 * r]), bits(s[i + 5 + 2 * r]));
      a = __vimax3_s32(a, bits(s[n - 4 + 2 * r]), bits(s[n - 3 + 2 * r]));
      a = max(a, b);
      a = max(a, __shfl_xor_sync(~0u, a, 1)), a = max(a, __shfl_xor_sync(~0u, a, 2));
      top[r] = __int_as_float(a);
    }
    if (!codes && __any_sync(~0u, (top[0] < 0 && most[0] < -kSlack) || (top[1] < 0 && most[1] < -kSlack))) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float a = value(s[2 * r]);
#pragma unroll
        for (int i = 2 * r; i < n; i += 4) a = fmaxf(a, fmaxf(value(s[i]), value(s[i + 1])));
        top[r] = quad_max(a);
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) top[r] = codes ? (top[r] - kMagic) * factor[r] : top[r] * factor[r];
    shrunk = __any_sync(~0u, top[0] > most[0] + kSlack || top[1] > most[1] + kSlack);
    if (shrunk) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        const float now = fmaxf(most[r], top[r]);
        shrink[r] = exp2_fast(most[r] - now);
        sum[r] *= shrink[r];
        most[r] = now;
      }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const float less = codes ? fmaf(kMagic, factor[r], most[r]) : most[r];
      float a = 0, b = 0;
#pragma unroll
      for (int i = 2 * r; i < n; i += 4) {
        const float x = exp2_fast(fmaf(value(s[i]), factor[r], -less)), y = exp2_fast(fmaf(value(s[i + 1]), factor[r], -less));
        put(s[i], x), put(s[i + 1], y);
        a += x, b += y;
      }
      sum[r] += a + b;
    }
  }
};

template <class Tile>
__device__ __forceinline__ void bring(const CUtensorMap* mq, const CUtensorMap* mk, const CUtensorMap* mv, uint32_t shared, const Barriers& bars, const Work& w) {
  using namespace hopper;
  constexpr int width = Tile::codes ? 128 : 64, share = Tile::keys / Tile::blocks;
  const int mine = Tile::blocks > 1 ? rank_in_cluster() * share : 0;  // the first key of the tile that this block brings
  const auto panels = [&](int n, int wide, uint32_t to, const CUtensorMap* map, uint32_t bar, int token) {
    for (int p = 0; p < n; p++) {
      const uint32_t at = to + (p * Tile::keys + mine) * 128;
      if constexpr (Tile::blocks > 1) load_all((1 << Tile::blocks) - 1, at, map, bar, p * wide, w.head, token + mine, w.batch);
      else load(at, map, bar, p * wide, w.head, token, w.batch);
    }
  };
  arrive_expecting(bars.q(), Tile::q_bytes);
  for (int p = 0; p < Tile::score_panels; p++) load(shared + p * Tile::queries * 128, mq, bars.q(), p * width, w.head, w.first, w.batch);
  Ring<Tile::stages> at;
  for (int t = w.to - 1; t >= w.from; t--, at.next()) {
    const uint32_t k = shared + Tile::k_at + at.stage * Tile::k_bytes, v = shared + Tile::v_at + at.stage * Tile::v_bytes;
    wait(bars.free_k(at.stage), at.phase ^ 1);
    arrive_expecting(bars.full_k(at.stage), Tile::k_bytes);
    panels(Tile::score_panels, width, k, mk, bars.full_k(at.stage), t * Tile::keys);
    wait(bars.free_v(at.stage), at.phase ^ 1);
    arrive_expecting(bars.full_v(at.stage), Tile::v_bytes);
    panels(Tile::panels, 64, v, mv, bars.full_v(at.stage), t * Tile::keys);
  }
}

// Consumer is one of the two computing warpgroups.
template <class Tile>
struct Consumer {
  using T = typename Tile::T;
  using S = std::conditional_t<Tile::codes, uint32_t, float>;
  static constexpr int n = Tile::keys / 2;
  S s[n];                     // scores, then weights, of 64 × keys
  uint32_t weights[n / 2];    // the same as T, the left side of the product with v
  float o[Tile::head / 2];
  Rows rows;
  float q_scale[2];
  static constexpr int steps = Tile::codes ? 4 : Tile::head / 16;
  uint32_t left[4 * steps];  // the queries

  // start is what codes' products are added to; the sums then are floats, kMagic too large.
  __device__ __forceinline__ void start() {
    if constexpr (Tile::codes) {
#pragma unroll
      for (int i = 0; i < n; i++) s[i] = kMagicBits;
    }
  }

  // hold brings the queries, as the left side of the product.
  __device__ __forceinline__ void hold(uint32_t q) {
    const int lane = threadIdx.x % 32, row = threadIdx.x % 128 / 32 * 16 + lane % 16;
#pragma unroll
    for (int i = 0; i < steps; i++)
      hopper::load_left(left + 4 * i, q + i / 4 * Tile::queries * 128 + row * 128 + ((i % 4 * 2 + lane / 16) ^ row % 8) * 16);
  }

  __device__ __forceinline__ void scores(uint64_t k) {
    if constexpr (Tile::codes) {
      hopper::products_begin();
#pragma unroll
      for (int i = 0; i < steps; i++) hopper::Product<Tile::keys>::held_codes(s, left + 4 * i, k + 2 * i, 1);
    } else {
      hopper::products_begin();
#pragma unroll
      for (int i = 0; i < steps; i++) hopper::Product<Tile::keys>::template held<T>(s, left + 4 * i, k + i / 4 * (Tile::keys * 128 / 16) + i % 4 * 2, i > 0);
    }
    hopper::products_commit();
  }

  __device__ __forceinline__ void weighted(uint64_t v) {
    hopper::products_begin();
#pragma unroll
    for (int i = 0; i < Tile::keys / 16; i++) hopper::Product<Tile::head>::template left<T>(o, weights + 4 * i, v + i * (16 * 128 / 16), 1);
    hopper::products_commit();
  }

  // only_keys leaves out the columns from `left` on.
  __device__ __forceinline__ void only_keys(int left) {
    const int column = threadIdx.x % 4 * 2;
#pragma unroll
    for (int i = 0; i < n; i++)
      if (i / 4 * 8 + i % 2 + column >= left) put(s[i], -INFINITY);
  }

  __device__ __forceinline__ void weigh(float k_scale) {
    float factor[2] = {q_scale[0] * k_scale, q_scale[1] * k_scale};
    if constexpr (Tile::codes) factor[0] = fmaxf(factor[0], kLeastFactor), factor[1] = fmaxf(factor[1], kLeastFactor);
    rows.template weigh<Tile::codes>(s, factor);
  }

  __device__ __forceinline__ void narrow() {
#pragma unroll
    for (int i = 0; i < n / 2; i++) weights[i] = two<T>(value(s[2 * i]), value(s[2 * i + 1]));
  }

  __device__ __forceinline__ void shrink() {
    if (!rows.shrunk) return;
#pragma unroll
    for (int i = 0; i < Tile::head / 2; i++) o[i] *= rows.shrink[i / 2 % 2];
  }

  // keep writes the 64 rows of a part from `row` on.
  __device__ __forceinline__ void keep(const AttentionShape& shape, int64_t row) {
    const int lane = threadIdx.x % 32;
    row += threadIdx.x % 128 / 32 * 16 + lane / 4;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const float sum = quad_sum(rows.sum[r]);
      if (lane % 4 == 0) shape.part_rows[row + 8 * r] = make_float2(rows.most[r], sum);
    }
#pragma unroll
    for (int i = 0; i < Tile::head / 2; i += 2)
      *reinterpret_cast<float2*>(shape.part_sums + (row + i / 2 % 2 * 8) * Tile::head + i / 4 * 8 + lane % 4 * 2) = make_float2(o[i], o[i + 1]);
  }

  // finish writes the 64 rows to shared memory as the tensor copy wants them.
  __device__ __forceinline__ void finish(uint32_t to) {
    const int lane = threadIdx.x % 32, row = threadIdx.x % 128 / 32 * 16 + lane / 4;
    const float part[2] = {1 / quad_sum(rows.sum[0]), 1 / quad_sum(rows.sum[1])};
#pragma unroll
    for (int i = 0; i < Tile::head / 2; i += 2) {
      const int r = i / 2 % 2, column = i / 4;  // of 8 elements
      const uint32_t at = to + column / 8 * Tile::queries * 128 + (row + 8 * r) * 128 + ((column % 8 ^ row % 8) << 4) + lane % 4 * 4;
      asm volatile("st.shared.b32 [%0], %1;" ::"r"(at), "r"(two<T>(o[i] * part[r], o[i + 1] * part[r])) : "memory");
    }
  }
};

template <class Tile>
__device__ __forceinline__ void compute(const CUtensorMap* mo, uint32_t shared, const Barriers& bars, const Work& w, const AttentionShape& shape, int group) {
  using namespace hopper;
  const int first = w.first + group * 64, lane = threadIdx.x % 32;
  const auto free_one = [&](uint32_t bar) {
    if (Tile::blocks == 1 && lane == 0) arrive(bar);
    if (Tile::blocks > 1 && lane < Tile::blocks) arrive_at(bar, lane);
  };
  const uint64_t k = matrix(shared + Tile::k_at), v = matrix(shared + Tile::v_at, Tile::keys * 128);
  Consumer<Tile> c;
  const float* k_scales = nullptr;
  float k_scale = 1;
  if constexpr (Tile::codes) {
    for (int r = 0; r < 2; r++) {
      const int row = first + threadIdx.x % 128 / 32 * 16 + lane / 4 + 8 * r;
      c.q_scale[r] = row < shape.q_tokens ? shape.q_scales[(int64_t(w.batch) * shape.q_tokens + row) * shape.heads + w.head] : 1;
    }
    k_scales = shape.k_scales + (int64_t(w.batch) * shape.heads + w.head) * ((shape.k_tokens + Tile::keys - 1) / Tile::keys);
    k_scale = k_scales[w.to - 1];
  } else {
    c.q_scale[0] = c.q_scale[1] = shape.scale;
  }
  if (Tile::turns && group == 1) announce(1, 256);

  // The last keys come first, because some of their tile may be missing.
  Ring<Tile::stages> at_k, at_v;
  c.start();
  wait(bars.q(), 0);
  c.hold(shared + group * 64 * 128);
  wait(bars.full_k(0), 0);
  c.scores(k);
#pragma unroll
  for (int i = 0; i < Tile::head / 2; i++) c.o[i] = 0;
  products_wait<0>();
  settled(c.s);
  free_one(bars.free_k(0));
  at_k.next();
  if (w.to * Tile::keys > shape.k_tokens) c.only_keys(shape.k_tokens % Tile::keys);
  c.weigh(k_scale);
  c.narrow();
  for (int t = w.to - 2; t >= w.from; t--) {
    if constexpr (Tile::codes) k_scale = k_scales[t];
    c.start();
    wait(bars.full_k(at_k.stage), at_k.phase);
    if constexpr (Tile::turns) meet(1 + group, 256);
    c.scores(k + at_k.stage * (Tile::k_bytes / 16));
    wait(bars.full_v(at_v.stage), at_v.phase);
    c.weighted(v + at_v.stage * (Tile::v_bytes / 16));
    if constexpr (Tile::turns) announce(2 - group, 256);
    products_wait<1>();
    settled(c.s);
    free_one(bars.free_k(at_k.stage));
    at_k.next();
    c.weigh(k_scale);
    products_wait<0>();
    free_one(bars.free_v(at_v.stage));
    at_v.next();
    c.narrow();
    c.shrink();
  }
  wait(bars.full_v(at_v.stage), at_v.phase);
  c.weighted(v + at_v.stage * (Tile::v_bytes / 16));
  products_wait<0>();

  if (w.part >= 0) return c.keep(shape, int64_t(w.part) * Tile::queries + group * 64);
  const uint32_t out = shared + Tile::out_at + group * 64 * 128;
  meet(3 + group, 128);
  c.finish(out);
  writes_visible_to_copies();
  meet(3 + group, 128);
  if (threadIdx.x % 128 == 0) {
    for (int p = 0; p < Tile::panels; p++) store(mo, out + p * Tile::queries * 128, p * 64, w.head, first, w.batch);
    stored();
  }
}

template <class Tile>
__global__ void __launch_bounds__(384, 1)
    attention_kernel(const __grid_constant__ CUtensorMap mq, const __grid_constant__ CUtensorMap mk, const __grid_constant__ CUtensorMap mv,
                     const __grid_constant__ CUtensorMap mo, const AttentionShape shape) {
#if VIDEOSDGX_HOPPER
  using namespace hopper;
  extern __shared__ uint8_t raw[];
  const uint32_t shared = (shared_address(raw) + 1023) & ~1023u;
  const Barriers bars{shared + Tile::barriers_at, Tile::stages};
  const int group = threadIdx.x / 128;
  const Work w = work_of<Tile>(shape);
  if (threadIdx.x == 0) {
    barrier_init(bars.q(), 1);
    for (int i = 0; i < Tile::stages; i++) {
      barrier_init(bars.full_k(i), 1), barrier_init(bars.full_v(i), 1);
      barrier_init(bars.free_k(i), 8 * Tile::blocks), barrier_init(bars.free_v(i), 8 * Tile::blocks);  // by each computing warp
    }
    barriers_visible();
  }
  if constexpr (Tile::blocks > 1) meet_cluster();
  else __syncthreads();
  if (group == 0) {
    fewer_registers<40>();
    if (threadIdx.x == 0) bring<Tile>(&mq, &mk, &mv, shared, bars, w);
  } else {
    more_registers<232>();
    compute<Tile>(&mo, shared, bars, w, shape, group - 1);
  }
  if constexpr (Tile::blocks > 1) {  // none goes while another may still arrive at its barriers
    __syncwarp();
    meet_cluster();
  }
#endif
}

// join_kernel makes outputs of parts: a warp per query of the clusters from shape.whole on.
template <class Tile>
__global__ void __launch_bounds__(256) join_kernel(Heads out, const AttentionShape shape) {
  using T = typename Tile::T;
  constexpr int queries = Tile::queries * Tile::blocks, each = Tile::head / 32;
  const int at = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32, along = (shape.q_tokens + queries - 1) / queries;
  const int unit = shape.whole + at / queries, token = unit % along * queries + at % queries, head = unit / along % shape.heads, batch = unit / along / shape.heads;
  if (token >= shape.q_tokens) return;
  const int64_t row = int64_t(at / queries) * shape.parts * queries + at % queries;
  float most = -FLT_MAX, sum = 0, o[each] = {};
  for (int p = 0; p < shape.parts; p++) most = fmaxf(most, shape.part_rows[row + p * queries].x);
  for (int p = 0; p < shape.parts; p++) {
    const float2 r = shape.part_rows[row + p * queries];
    const float by = exp2_fast(r.x - most);
    sum += r.y * by;
#pragma unroll
    for (int i = 0; i < each; i++) o[i] += by * shape.part_sums[(row + p * queries) * Tile::head + lane * each + i];
  }
  T* to = static_cast<T*>(const_cast<void*>(out.at)) + batch * out.batch_stride + token * out.token_stride + head * out.head_stride + lane * each;
#pragma unroll
  for (int i = 0; i < each; i++) to[i] = T(o[i] / sum);
}

}  // namespace attention_parts
}  // namespace videosdgx
