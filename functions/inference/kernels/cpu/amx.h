// Exact products on AMX's bfloat16 tiles. A decoded code of BF16, FP8 or NVFP4 (without the tensor's scale) is a bfloat16
// exactly, and a float32 of x is the sum of three: three products of tiles, summed in float32, are the product. Rows of W
// are A tiles [16 n][32 k] as decoding makes them; rows of x are B tiles [16 k pairs][16 rows][2], whose panels of 16 rows
// the pack stage makes: [depth of 256][panel][plane][pair][row][2]. C tiles lie as the other kernels' sums do.
// Other formats, whose values have more bits, go the way of AVX-512.

// settle has what was written in memory before what follows: the compiler's tile instructions do not say that they read
// and write memory.
static inline void settle(const void* w, const void* x, const void* sums) { __asm__ volatile("" : : "r"(w), "r"(x), "r"(sums) : "memory"); }

#if defined(VDX_AMX_SOFTWARE)
// The tile instructions in software, to test all the rest on machines without them.
struct SoftTile {
  float c[16][16];
  uint16_t ab[16][32];
};
static thread_local SoftTile soft_tiles[8];
static inline float widen(uint16_t h) { return bits_float(uint32_t(h) << 16); }
template <int T>
static inline void tile_load(const void* p, int64_t stride) {
  for (int r = 0; r < 16; r++) {
    __builtin_memcpy(soft_tiles[T].c[r], (const char*)p + r * stride, 64);
    __builtin_memcpy(soft_tiles[T].ab[r], (const char*)p + r * stride, 64);
  }
}
template <int T>
static inline void tile_store(void* p, int64_t stride) {
  for (int r = 0; r < 16; r++) __builtin_memcpy((char*)p + r * stride, soft_tiles[T].c[r], 64);
}
template <int T>
static inline void tile_zero() { soft_tiles[T] = SoftTile{}; }
template <int C, int A, int B>
static inline void tile_multiply() {
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 16; n++)
        for (int i = 0; i < 2; i++) soft_tiles[C].c[m][n] += widen(soft_tiles[A].ab[m][2 * k + i]) * widen(soft_tiles[B].ab[k][2 * n + i]);
}
#define TILE_LOAD(t, p, stride) tile_load<t>(p, stride)
#define TILE_STORE(t, p, stride) tile_store<t>(p, stride)
#define TILE_ZERO(t) tile_zero<t>()
#define TILE_MULTIPLY(c, a, b) tile_multiply<c, a, b>()
static inline void tiles_begin() {}
static inline void tiles_end() {}
#else
// macros, for the compiler writes the numbers of tiles into the instructions as they stand
#define TILE_LOAD(t, p, stride) _tile_loadd(t, p, stride)
#define TILE_STORE(t, p, stride) _tile_stored(t, p, stride)
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_MULTIPLY(c, a, b) _tile_dpbf16ps(c, a, b)
static inline void tiles_begin() {
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } config;
  settle(&config, nullptr, nullptr);
  _tile_loadconfig(&config);
}
static inline void tiles_end() { _tile_release(); }
#endif

constexpr int64_t kPlanes = 3;

static inline bool tiled(const Job& j) { return j.w.format == Format::bf16 || j.w.format == Format::fp8 || j.w.format == Format::nvfp4; }
static inline int64_t tile_rows(const Job& j) { return ceil_div(j.m, 16) * 16; }
static inline int64_t tile_depth(int64_t k) { return ceil_div(k, 32) * 32; }

static size_t amx_bytes(const Job& j) { return tiled(j) ? size_t(2 * kPlanes * tile_rows(j) * tile_depth(j.w.k)) : exact_bytes(j); }
static size_t amx_items(const Job& j) { return exact_items(j); }

// near_bf16 rounds to nearest even; an infinity or NaN stays one.
static inline uint16_t near_bf16(float f) {
  uint32_t u;
  __builtin_memcpy(&u, &f, 4);
  if ((u & 0x7f800000) == 0x7f800000) return uint16_t(u >> 16 | ((u & 0xffff) != 0));
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline void amx_pack_row(const float* x, int64_t count, int64_t depth, uint16_t* dst, int64_t plane) {
  for (int64_t k = 0; k < depth; k++) {
    float rest = k < count ? x[k] : 0;
    for (int64_t p = 0; p < kPlanes; p++) {
      uint16_t h = near_bf16(rest);
      float part = bits_float(uint32_t(h) << 16);
      dst[p * plane + k / 2 * 32 + k % 2] = h;
      rest = part - part == 0 ? rest - part : 0;  // the first plane alone carries what is not finite
    }
  }
}

static void amx_pack(const Job& j, size_t item) {
  if (!tiled(j)) return exact_pack(j, item);
  int64_t k0 = int64_t(item) / pack_groups(j) * kDepth, count = least(kDepth, j.w.k - k0), depth = tile_depth(count), rows = tile_rows(j);
  int64_t r0 = int64_t(item) % pack_groups(j) * kPackRows;
  static const float none[kDepth] = {};
  for (int64_t r = r0; r < least(r0 + kPackRows, rows); r++) {
    uint16_t* panel = (uint16_t*)j.packed + kPlanes * (k0 * rows + r / 16 * 16 * depth);
    const float* x = r < j.m ? j.x + r * j.w.k + k0 : none;
    amx_pack_row(x, count, depth, panel + r % 16 * 2, 16 * depth);
  }
}

// amx_decode makes 48 rows of bfloat16 from k on; kDepth apart.
static void amx_decode(const Weights& w, int64_t n0, int64_t columns, int64_t k, int64_t count, uint16_t* dst) {
  alignas(64) float row[kDepth];
  for (int64_t n = 0; n < kColumns; n++, dst += kDepth) {
    for (int64_t i = 0; i < kDepth; i++) row[i] = 0;
    if (n < columns) decode(w, n0 + n, k, count, row);
    for (int64_t i = count; i < kDepth; i++) row[i] = 0;
    for (int64_t i = 0; i < kDepth; i++) {
      uint32_t u;
      __builtin_memcpy(&u, row + i, 4);
      dst[i] = uint16_t(u >> 16);
    }
  }
}

// amx_micro multiplies 48 rows of W with a panel.
static void amx_micro(const uint16_t* w, const uint16_t* x, int64_t depth, float* sums, bool begin) {
  constexpr int64_t sums_stride = 4 * kMaxRows, w_stride = 2 * kDepth;
  settle(w, x, sums);
  if (begin) {
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
  } else {
    TILE_LOAD(0, sums, sums_stride);
    TILE_LOAD(1, sums + 16 * kMaxRows, sums_stride);
    TILE_LOAD(2, sums + 32 * kMaxRows, sums_stride);
  }
  for (int64_t k = 0; k < depth; k += 32) {
    TILE_LOAD(3, w + k, w_stride);
    TILE_LOAD(4, w + 16 * kDepth + k, w_stride);
    TILE_LOAD(5, w + 32 * kDepth + k, w_stride);
    for (int64_t p = kPlanes; p-- > 0;) {  // the smallest first
      TILE_LOAD(6, x + p * 16 * depth + k * 16, 64);
      TILE_MULTIPLY(0, 3, 6);
      TILE_MULTIPLY(1, 4, 6);
      TILE_MULTIPLY(2, 5, 6);
    }
  }
  TILE_STORE(0, sums, sums_stride);
  TILE_STORE(1, sums + 16 * kMaxRows, sums_stride);
  TILE_STORE(2, sums + 32 * kMaxRows, sums_stride);
  settle(w, x, sums);
}

static void amx_run(const Job& j, size_t item) {
  if (!tiled(j)) return exact_run(j, item);
  alignas(64) float sums[kColumns * kMaxRows];
  alignas(64) uint16_t w[kColumns * kDepth];
  float scale[kColumns], one = 1;
  int64_t rows = tile_rows(j);
  Block at(j, item, rows);
  int64_t n0 = at.n0, columns = at.columns;
  Weights bare = j.w;
  if (bare.format == Format::nvfp4) bare.scales2 = &one;
  for (int64_t i = 0; i < columns; i++) scale[i] = bare.format == Format::nvfp4 ? j.w.scales2[0] : row_scale(j.w, n0 + i);
  tiles_begin();
  for (int64_t k = 0; k < j.w.k; k += kDepth) {
    int64_t count = least(kDepth, j.w.k - k), depth = tile_depth(count);
    amx_decode(bare, n0, columns, k, count, w);
    for (int64_t c = 0; c < kColumns && k + kDepth < j.w.k; c += kTile) fetch(j.w, n0 + c, k + kDepth, least(kDepth, j.w.k - k - kDepth));
    for (int64_t r = at.r0; r < at.r1; r += 16)
      amx_micro(w, (const uint16_t*)j.packed + kPlanes * (k * rows + r * depth), depth, sums + r - at.r0, k == 0);
  }
  tiles_end();
  finish(j, at, sums, scale, row_factor(j.w));
}

static const Kernel amx_kernel = {VDX_NAME, amx_bytes, amx_items, amx_pack, run_items, amx_run};
