// Products with float32 sums. Rows of x lie across the lanes: the pack stage turns x into panels of VDX_ROWS rows,
// [depth of 256][panel][k][row], and a microkernel multiplies a panel with six decoded rows of W, whose values are
// broadcast. So no row of W is ever transposed, and each is decoded once for up to 256 rows of x.

constexpr int64_t kRowVectors = VDX_ROW_VECTORS;
constexpr int64_t kPanel = kRowVectors * L;

static inline int64_t padded_rows(const Job& j) { return ceil_div(j.m, L) * L; }

static size_t exact_bytes(const Job& j) { return size_t(4 * padded_rows(j) * j.w.k); }

constexpr int64_t kPackRows = 64;  // rows of an item of the pack stage: whole panels
static inline int64_t pack_groups(const Job& j) { return ceil_div(j.m, kPackRows); }
static size_t exact_items(const Job& j) { return size_t(ceil_div(j.w.k, kDepth) * pack_groups(j)); }

// Block is the part of y that an item of the run stage computes.
struct Block {
  int64_t n0, columns, r0, r1;  // rows [r0, r1) with padding
  Block(const Job& j, size_t item, int64_t rows) {
    n0 = int64_t(item) / row_blocks(j) * kColumns;
    columns = least(kColumns, j.w.n - n0);
    r0 = int64_t(item) % row_blocks(j) * kMaxRows;
    r1 = least(r0 + kMaxRows, rows);
  }
};

// pack_lanes packs `rows` (at most L) rows of x from k0 on into dst, whose rows of k have the given stride.
static void pack_lanes(const float* x, int64_t ldx, int64_t rows, int64_t count, float* dst, int64_t stride) {
  int64_t k = 0;
  if (rows == L) {
    for (; k + L <= count; k += L) {
      vfa r[L];
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) r[i] = load(x + i * ldx + k);
      transpose(r);
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) store(dst + (k + i) * stride, r[i]);
    }
  }
  for (; k < count; k++)
    for (int64_t i = 0; i < L; i++) dst[k * stride + i] = i < rows ? x[i * ldx + k] : 0;
}

static void exact_pack(const Job& j, size_t item) {
  int64_t k0 = int64_t(item) / pack_groups(j) * kDepth, count = least(kDepth, j.w.k - k0), rows = padded_rows(j);
  int64_t r0 = int64_t(item) % pack_groups(j) * kPackRows;
  float* dst = (float*)j.packed + k0 * rows;
  for (int64_t r = r0; r < least(r0 + kPackRows, rows); r += L) {
    int64_t panel = r / kPanel * kPanel, width = least(kPanel, rows - panel);
    pack_lanes(j.x + r * j.w.k + k0, j.w.k, least(L, j.m - r), count, dst + panel * count + (r - panel), width);
  }
}

// micro adds `count` products to the sums of R·L rows of x and kTile rows of W; sums has a stride of kMaxRows.
template <int R>
static void micro(const float* x, const float* w, int64_t count, float* sums, bool begin) {
  vfa acc[kTile][R];
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) acc[n][r] = begin ? vfa{} : load(sums + n * kMaxRows + r * L);
  for (int64_t k = 0; k < count; k++, x += R * L) {
    vfa v[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) v[r] = load(x + r * L);
#pragma GCC unroll 8
    for (int n = 0; n < kTile; n++) {
      vfa s = splat(w[n * kDepth + k]);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) acc[n][r] += v[r] * s;
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) store(sums + n * kMaxRows + r * L, acc[n][r]);
}

static inline void micro_rows(int64_t vectors, const float* x, const float* w, int64_t count, float* sums, bool begin) {
  switch (vectors) {
    case 1: return micro<1>(x, w, count, sums, begin);
    case 2: return micro<2>(x, w, count, sums, begin);
#if VDX_ROW_VECTORS > 2
    case 3: return micro<3>(x, w, count, sums, begin);
    default: return micro<4>(x, w, count, sums, begin);
#endif
  }
}

// finish writes sums [column][row] to y [row][column]: y = sum · factor · column_scale + bias, in this order, for a scale may be
// near the largest number there is.
static void finish(const Job& j, const Block& at, const float* sums, const float* column_scale, float factor) {
  int64_t n0 = at.n0, columns = at.columns, rows = least(at.r1, j.m) - at.r0;
  for (int64_t c = 0; c < columns; c += L) {
    alignas(64) float scale[L], bias[L];
    int64_t width = least(L, columns - c);
    for (int64_t i = 0; i < L; i++) {
      scale[i] = i < width ? column_scale[c + i] : 0;
      bias[i] = i < width && j.bias ? j.bias[n0 + c + i] : 0;
    }
    vfa s = load(scale), b = load(bias);
    for (int64_t m = 0; m < rows; m += L) {
      vfa r[L];
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) r[i] = load(sums + (c + i) * kMaxRows + m);
      transpose(r);
      alignas(64) float out[L][L];
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) store(out[i], r[i]);
      for (int64_t i = 0; i < least(L, rows - m); i++) {
        vfa v = load(out[i]) * factor * s + b;
        float* y = j.y + (at.r0 + m + i) * j.w.n + n0 + c;
        if (width == L) {
          store(y, v);
        } else {
          store(out[i], v);
          for (int64_t l = 0; l < width; l++) y[l] = out[i][l];
        }
      }
    }
  }
}

static void exact_run(const Job& j, size_t item) {
  alignas(64) float sums[kColumns * kMaxRows];
  alignas(64) float w[kTile * kDepth];
  float scale[kColumns];
  int64_t rows = padded_rows(j);
  Block at(j, item, rows);
  int64_t n0 = at.n0, columns = at.columns;
  for (int64_t i = 0; i < columns; i++) scale[i] = row_scale(j.w, n0 + i);
  for (int64_t i = 0; i < kTile * kDepth; i++) w[i] = 0;
  for (int64_t k = 0; k < j.w.k; k += kDepth) {
    int64_t count = least(kDepth, j.w.k - k);
    const float* x = (const float*)j.packed + k * rows;
    for (int64_t c = 0; c < columns; c += kTile) {
      for (int64_t n = 0; n < least(kTile, columns - c); n++) decode(j.w, n0 + c + n, k, count, w + n * kDepth);
      if (c + kTile < columns) {
        fetch(j.w, n0 + c + kTile, k, count);
      } else {
        fetch(j.w, n0, k + kDepth, least(kDepth, j.w.k - k - kDepth));
      }
      for (int64_t r = at.r0; r < at.r1; r += kPanel)
        micro_rows(least(kRowVectors, (rows - r) / L), x + r * count, w, count, sums + c * kMaxRows + r - at.r0, k == 0);
    }
  }
  finish(j, at, sums, scale, row_factor(j.w));
}

static const Kernel exact_kernel = {VDX_NAME, exact_bytes, exact_items, exact_pack, run_items, exact_run};
