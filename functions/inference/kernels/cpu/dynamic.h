// Products of INT8 and INT4 weights with 8-bit sums: each row of x is quantized to int8 by its own maximum. A block's
// sum Σ(code − zero)·q = Σ code·q − zero·Σq, whose second sum the pack stage leaves per block and row. The packed memory:
// row scales [rows], block sums [block][rows], then panels [panel][k/4][row][4].

constexpr int64_t kIntVectors = VDX_INT_VECTORS;
constexpr int64_t kIntPanel = kIntVectors * L;

static inline int64_t padded_depth(const Job& j) { return j.w.row_blocks * j.w.block; }
static inline float* int_scales(const Job& j) { return (float*)j.packed; }
static inline float* int_sums(const Job& j) { return int_scales(j) + padded_rows(j); }
static inline uint8_t* int_panels(const Job& j) { return (uint8_t*)(int_sums(j) + padded_rows(j) * j.w.row_blocks); }

static size_t dynamic_bytes(const Job& j) { return size_t(padded_rows(j) * (4 + 4 * j.w.row_blocks + padded_depth(j))); }
static size_t dynamic_items(const Job& j) { return size_t(ceil_div(padded_rows(j), L)); }

// row_max is max|x|, or NaN where a value is not finite: the row's results become NaN too.
static inline float row_max(const float* x, int64_t k) {
  vfa most{}, spoilt{};
  int64_t i = 0;
  for (; i + L <= k; i += L) {
    vfa v = load(x + i), a = v < 0 ? -v : v;
    most = a > most ? a : most;
    spoilt += v - v;
  }
  float m = 0, s = 0;
  for (int l = 0; l < L; l++) {
    m = most[l] > m ? most[l] : m;
    s += spoilt[l];
  }
  for (; i < k; i++) {
    float a = x[i] < 0 ? -x[i] : x[i];
    m = a > m ? a : m;
    s += x[i] - x[i];
  }
  return m + s;
}

// quantize is round(x·inverse) as a byte: what 1.5·2²³ leaves in the lowest bits.
static inline int32_t quantize(float x, float inverse) {
  float f = x * inverse + 12582912.0f;
  int32_t u;
  __builtin_memcpy(&u, &f, 4);
  return u - 0x4b400000;
}

// pack_row writes row r of a panel whose words of four values are `width` words apart.
static void pack_row(const Job& j, const float* x, float inverse, uint8_t* dst, int64_t width, float* sums, int64_t rows) {
  int64_t k = j.w.k;
  for (int64_t b = 0; b < j.w.row_blocks; b++) {
    int32_t sum = 0;
    for (int64_t i = b * j.w.block; i < (b + 1) * j.w.block; i += 16) {
      alignas(64) int32_t q[16];
      if (i + 16 <= k) {
        for (int64_t l = 0; l < 16; l++) q[l] = quantize(x[i + l], inverse);
      } else {
        for (int64_t l = 0; l < 16; l++) q[l] = i + l < k ? quantize(x[i + l], inverse) : 0;
      }
      for (int64_t l = 0; l < 16; l++) sum += q[l];
      alignas(16) int8_t bytes[16];
      for (int64_t l = 0; l < 16; l++) bytes[l] = int8_t(q[l]);
      for (int64_t l = 0; l < 4; l++) __builtin_memcpy(dst + (i / 4 + l) * width * 4, bytes + 4 * l, 4);
    }
    sums[b * rows] = float(sum);
  }
}

static void dynamic_pack(const Job& j, size_t item) {
  int64_t r0 = int64_t(item) * L, rows = padded_rows(j), panel = r0 / kIntPanel * kIntPanel, width = least(kIntPanel, rows - panel);
  for (int64_t r = r0; r < r0 + L; r++) {
    float most = r < j.m ? row_max(j.x + r * j.w.k, j.w.k) : 0;
    int_scales(j)[r] = most / 127;
    float inverse = most > 1e-36f ? 127 / most : 0;
    // rows beyond the last take the first's values times zero
    const float* x = j.x + (r < j.m ? r : 0) * j.w.k;
    pack_row(j, x, inverse, int_panels(j) + panel * padded_depth(j) + (r - panel) * 4, width, int_sums(j) + r, rows);
  }
}

// Six rows of W of at most kIntDepth codes, with their blocks' scales and scales times zero points.
struct IntTile {
  const uint8_t* codes[kTile];
  float scale[kTile][kIntDepth / 16], zero[kTile][kIntDepth / 16];
  alignas(64) uint8_t bytes[kTile][kIntDepth];
};

static inline void unpack_int4(const uint8_t* codes, int64_t count, bool high_first, uint8_t* dst) {
  int first = high_first ? 4 : 0;
  uint8_t flip = kSigned ? 128 : 0;
  for (int64_t i = 0; i < count / 2; i++) {
    dst[2 * i] = uint8_t((codes[i] >> first & 15) ^ flip);
    dst[2 * i + 1] = uint8_t((codes[i] >> (4 - first) & 15) ^ flip);
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
    float s = w.scales[row * w.row_blocks + at];
    t.scale[n][b] = s;
    t.zero[n][b] = s * (zero_point(w, row, at) - (kSigned ? 128 : 0));
  }
}

// int_micro adds `blocks` blocks to the sums of R·L rows of x and six rows of W.
template <int R>
static void int_micro(const IntTile& t, const uint8_t* x, const float* xsums, int64_t rows, int64_t blocks, int64_t block, float* sums, bool begin) {
  vfa acc[kTile][R];
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) acc[n][r] = begin ? vfa{} : load(sums + n * kMaxRows + r * L);
  for (int64_t b = 0; b < blocks; b++, xsums += rows) {
    vi dots[kTile][R] = {};
    for (int64_t k = b * block; k < (b + 1) * block; k += 4, x += 4 * R * L) {
      vi v[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) v[r] = *(const viu*)(x + 4 * r * L);
#pragma GCC unroll 8
      for (int n = 0; n < kTile; n++) {
        int32_t w;
        __builtin_memcpy(&w, t.codes[n] + k, 4);
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) dots[n][r] = dot4(dots[n][r], v[r], w);
      }
    }
#pragma GCC unroll 8
    for (int n = 0; n < kTile; n++) {
      vfa scale = splat(t.scale[n][b]), zero = splat(t.zero[n][b]);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        acc[n][r] += __builtin_convertvector(dots[n][r], vfa) * scale;
        acc[n][r] -= load(xsums + r * L) * zero;
      }
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) store(sums + n * kMaxRows + r * L, acc[n][r]);
}

static void dynamic_run(const Job& j, size_t item) {
  alignas(64) float sums[kColumns * kMaxRows];
  float one[kColumns];
  IntTile t;
  int64_t rows = padded_rows(j), depth = padded_depth(j);
  Block at(j, item, rows);
  int64_t n0 = at.n0, columns = at.columns;
  for (int64_t i = 0; i < kColumns; i++) one[i] = 1;
  for (int64_t k = 0; k < depth; k += kIntDepth) {
    int64_t count = least(kIntDepth, depth - k), blocks = count / j.w.block;
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
        const uint8_t* x = int_panels(j) + r * depth + k * width;
        const float* xs = int_sums(j) + k / j.w.block * rows + r;
        float* to = sums + c * kMaxRows + r - at.r0;
#if VDX_INT_VECTORS > 1
        if (width == 2 * L) {
          int_micro<2>(t, x, xs, rows, blocks, j.w.block, to, k == 0);
          continue;
        }
#endif
        int_micro<1>(t, x, xs, rows, blocks, j.w.block, to, k == 0);
      }
    }
  }
  finish(j, at, sums, one, int_scales(j));
}

static const Kernel dynamic_kernel = {VDX_NAME, dynamic_bytes, dynamic_items, dynamic_pack, dynamic_run};
