// Products of INT8 and INT4 weights with 8-bit sums: every 16 values of a row of x are quantized to int8 by their own maximum,
// scale = max/127. What that costs is bounded for any values, cancelling or not: a value is off by scale/2 at most, so by
// Cauchy and Schwarz a result by √16/254 < 1.6e-2 of |row of x|·|row of W|. Sums over 16 products Σ(code − zero)·q are exact
// integers; the scale of x comes first and that of W second, so that nothing overflows which float32 has room for.
// The packed memory: scales [group][rows], sums Σq [group][rows], then panels [panel][k/4][row][4].

constexpr int64_t kIntVectors = VDX_INT_VECTORS;
constexpr int64_t kIntPanel = kIntVectors * L;
constexpr int64_t kGroup = 16;  // values of x that share a scale; the least block of W

static inline int64_t padded_depth(const Job& j) { return j.w.row_blocks * j.w.block; }
static inline int64_t int_groups(const Job& j) { return padded_depth(j) / kGroup; }
static inline float* int_scales(const Job& j) { return (float*)j.packed; }
static inline int32_t* int_sums(const Job& j) { return (int32_t*)(int_scales(j) + padded_rows(j) * int_groups(j)); }
static inline uint8_t* int_panels(const Job& j) { return (uint8_t*)(int_sums(j) + padded_rows(j) * int_groups(j)); }

static size_t dynamic_bytes(const Job& j) { return size_t(padded_rows(j) * (8 * int_groups(j) + padded_depth(j))); }
static size_t dynamic_items(const Job& j) { return size_t(ceil_div(padded_rows(j), L)); }

// code_shift is what dot4 has of an int8 code less than the code itself.
static inline int32_t code_shift(const Weights& w) { return kSigned && w.format == Format::int8 ? 128 : 0; }

// common_zero is the zero point of every block as dot4 has it, where the weight has none of its own.
static inline int32_t common_zero(const Weights& w) { return (w.format == Format::int8 ? 128 : 8) - code_shift(w); }

// fold leaves the maximum of all lanes in each.
template <int S>
static inline vi fold(vi v) {
  if constexpr (S > 0) {
    vi across;
    for (int l = 0; l < L; l++) across[l] = l ^ S;
    vi other = __builtin_shuffle(v, across);
    return fold<S / 2>(other > v ? other : v);
  }
  return v;
}

// group_max is max|x| of a group; NaN or an infinity where a value is one: as bits, they are the largest.
static inline float group_max(const float* x) {
  vi most{};
#pragma GCC unroll 4
  for (int64_t i = 0; i < kGroup; i += L) {
    vi a = (vi)load(x + i) & 0x7fffffff;
    most = a > most ? a : most;
  }
  return bits_float(uint32_t(fold<VDX_LANES / 2>(most)[0]));
}

// quantize is round(x) as a byte, for |x| ≤ 127: what 1.5·2²³ leaves in the lowest bits.
static inline int32_t quantize(float x) {
  float f = x + 12582912.0f;
  int32_t u;
  __builtin_memcpy(&u, &f, 4);
  return u - 0x4b400000;
}

// pack_group writes 16 values, whose words of four are `width` words apart in dst, and gives their scale and sum.
static inline void pack_group(const float* x, uint8_t* dst, int64_t width, float* scale, int32_t* sum) {
  alignas(64) static const float none[kGroup] = {};
  float most = group_max(x);
  *scale = most / 127;
  if (most - most != 0) {  // what is not finite makes its row NaN: zeros times NaN are
    *scale = bits_float(0x7fc00000);
    x = none;
    most = 0;
  }
  float lift = most < 0x1p-100f ? 0x1p+64f : 1;  // what is that small has no finite inverse
  float inverse = most > 0 ? 127 / (most * lift) : 0;
  alignas(64) int32_t q[kGroup];
  for (int64_t l = 0; l < kGroup; l++) q[l] = quantize(x[l] * lift * inverse);
  int32_t s = 0;
  for (int64_t l = 0; l < kGroup; l++) s += q[l];
  alignas(16) int8_t bytes[kGroup];
  for (int64_t l = 0; l < kGroup; l++) bytes[l] = int8_t(q[l]);
  for (int64_t l = 0; l < 4; l++) __builtin_memcpy(dst + l * width * 4, bytes + 4 * l, 4);
  *sum = s;
}

// pack_row writes row r of a panel; x is null for rows beyond the last.
static void pack_row(const Job& j, const float* x, uint8_t* dst, int64_t width, int64_t r) {
  int64_t k = j.w.k, rows = padded_rows(j);
  float* scales = int_scales(j) + r;
  int32_t* sums = int_sums(j) + r;
  for (int64_t g = 0; g < int_groups(j); g++, dst += kGroup * width) {
    alignas(64) float rest[kGroup] = {};
    const float* from = rest;
    if (x && (g + 1) * kGroup <= k) {
      from = x + g * kGroup;
    } else if (x) {
      for (int64_t i = g * kGroup; i < k; i++) rest[i - g * kGroup] = x[i];
    }
    pack_group(from, dst, width, scales + g * rows, sums + g * rows);
    if (!j.w.zero_points) sums[g * rows] *= -common_zero(j.w);
  }
}

static void dynamic_pack(const Job& j, size_t item) {
  int64_t r0 = int64_t(item) * L, rows = padded_rows(j), panel = r0 / kIntPanel * kIntPanel, width = least(kIntPanel, rows - panel);
  for (int64_t r = r0; r < r0 + L; r++)
    pack_row(j, r < j.m ? j.x + r * j.w.k : nullptr, int_panels(j) + panel * padded_depth(j) + (r - panel) * 4, width, r);
}

// Six rows of W of at most kIntDepth codes, with their blocks' scales and zero points.
struct IntTile {
  const uint8_t* codes[kTile];
  float scale[kTile][kIntDepth / 16], zero[kTile][kIntDepth / 16];
  alignas(64) uint8_t bytes[kTile][kIntDepth];
};

static inline void unpack_int4(const uint8_t* codes, int64_t count, bool high_first, uint8_t* dst) {
  int first = high_first ? 4 : 0;
  for (int64_t i = 0; i < count / 2; i++) {
    dst[2 * i] = uint8_t(codes[i] >> first & 15);
    dst[2 * i + 1] = uint8_t(codes[i] >> (4 - first) & 15);
  }
}

static void load_tile(const Weights& w, IntTile& t, int64_t n, int64_t row, int64_t k, int64_t count) {
  const uint8_t* codes = w.codes + row * w.row_bytes + (w.format == Format::int8 ? k : k / 2);
  t.codes[n] = t.bytes[n];
  if (w.format == Format::int4) {
    unpack_int4(codes, count, w.high_first, t.bytes[n]);
  } else if (kSigned) {
    for (int64_t i = 0; i < count; i++) t.bytes[n][i] = codes[i] ^ 128;
  } else {
    t.codes[n] = codes;  // straight from mapped memory
  }
  for (int64_t b = 0; b < count / w.block; b++) {
    int64_t at = k / w.block + b;
    t.scale[n][b] = w.scales[row * w.row_blocks + at];
    if (w.zero_points) t.zero[n][b] = zero_point(w, row, at) - code_shift(w);
  }
}

// IntRows is a panel of x from a depth on; scales and sums of a row's groups are `stride` apart.
struct IntRows {
  const uint8_t* codes;
  const float* scales;
  const int32_t* sums;
  int64_t stride;
};

// int_micro adds `groups` groups to the sums of R·L rows of x and six rows of W, whose scales belong to 1 << shift groups each.
// Where W has zero points of its own (kZeros), sums of x are as they are; else they are times −zero, and sums of products begin
// with them.
template <int R, bool kZeros>
static void int_micro(const IntTile& t, IntRows x, int64_t groups, int shift, float* sums, bool begin) {
  vfa acc[kTile][R];
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) acc[n][r] = begin ? vfa{} : load(sums + n * kMaxRows + r * L);
  for (int64_t g = 0; g < groups; g++, x.scales += x.stride, x.sums += x.stride) {
    vi dots[kTile][R], rest[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) rest[r] = *(const viu*)(x.sums + r * L);
#pragma GCC unroll 8
    for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) dots[n][r] = kZeros ? vi{} : rest[r];
#pragma GCC unroll 4
    for (int64_t k = 0; k < kGroup; k += 4, x.codes += 4 * R * L) {
      vi v[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) v[r] = *(const viu*)(x.codes + 4 * r * L);
#pragma GCC unroll 8
      for (int n = 0; n < kTile; n++) {
        int32_t w;
        __builtin_memcpy(&w, t.codes[n] + g * kGroup + k, 4);
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) dots[n][r] = dot4(dots[n][r], v[r], w);
      }
    }
    vfa scales[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) scales[r] = load(x.scales + r * L);
#pragma GCC unroll 8
    for (int n = 0; n < kTile; n++) {
      vfa scale = splat(t.scale[n][g >> shift]), zero = splat(kZeros ? t.zero[n][g >> shift] : 0);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        vfa dot = __builtin_convertvector(dots[n][r], vfa);
        if (kZeros) dot -= __builtin_convertvector(rest[r], vfa) * zero;  // integers below 2²⁴: exact
        acc[n][r] += dot * scales[r] * scale;
      }
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) store(sums + n * kMaxRows + r * L, acc[n][r]);
}

template <bool kZeros>
static inline void int_rows(int64_t vectors, const IntTile& t, IntRows x, int64_t groups, int shift, float* sums, bool begin) {
#if VDX_INT_VECTORS > 1
  if (vectors == 2) return int_micro<2, kZeros>(t, x, groups, shift, sums, begin);
#endif
  (void)vectors;
  int_micro<1, kZeros>(t, x, groups, shift, sums, begin);
}

static void dynamic_run(const Job& j, size_t item) {
  alignas(64) float sums[kColumns * kMaxRows];
  float one[kColumns];
  IntTile t;
  int64_t rows = padded_rows(j), depth = padded_depth(j);
  int shift = __builtin_ctzll(j.w.block / kGroup);
  Block at(j, item, rows);
  int64_t n0 = at.n0, columns = at.columns;
  for (int64_t i = 0; i < kColumns; i++) one[i] = 1;
  for (int64_t k = 0; k < depth; k += kIntDepth) {
    int64_t count = least(kIntDepth, depth - k), begin = k / kGroup * rows;
    for (int64_t c = 0; c < columns; c += kTile) {
      // beyond the last row of W the last one stands again: its sums are never written out
      for (int64_t n = 0; n < kTile; n++) load_tile(j.w, t, n, n0 + least(c + n, columns - 1), k, count);
      if (c + kTile < columns) {
        fetch(j.w, n0 + c + kTile, k, count);
      } else {
        fetch(j.w, n0, k + kIntDepth, least(kIntDepth, depth - k - kIntDepth));
      }
      for (int64_t r = at.r0; r < at.r1; r += kIntPanel) {
        int64_t width = least(kIntPanel, rows - r);
        IntRows x{int_panels(j) + r * depth + k * width, int_scales(j) + begin + r, int_sums(j) + begin + r, rows};
        auto* micro = j.w.zero_points ? int_rows<true> : int_rows<false>;
        micro(width / L, t, x, count / kGroup, shift, sums + c * kMaxRows + r - at.r0, k == 0);
      }
    }
  }
  finish(j, at, sums, one, 1);
}

static const Kernel dynamic_kernel = {VDX_NAME, dynamic_bytes, dynamic_items, dynamic_pack, run_items, dynamic_run};
