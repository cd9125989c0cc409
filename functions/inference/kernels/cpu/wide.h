// Products of many rows with float32 sums. Rows of W lie across the lanes: a thread decodes 64 of them, 256 values deep, turns
// them into panels [k][row of W], and a microkernel multiplies six rows of x, as they lie, with a panel. So x is not packed and y
// is written as it lies, while turning W costs little where many rows share it. Every sum adds the same products in the same order
// as the kernel for few rows does.

constexpr int64_t kWideColumns = 64;  // rows of W in an item: whole panels
constexpr int64_t kWideRows = 384;    // about the rows of x in an item

static inline int64_t wide_row_blocks(const Job& j) { return ceil_div(j.m, kWideRows); }
static int64_t wide_items(const Job& j) { return wide_row_blocks(j) * ceil_div(j.w.n, kWideColumns); }

// WideBlock is the part of y that an item computes.
struct WideBlock {
  int64_t n0, columns, r0, r1;
  WideBlock(const Job& j, size_t item) {
    int64_t blocks = wide_row_blocks(j), rows = ceil_div(ceil_div(j.m, blocks), kTile) * kTile;
    n0 = int64_t(item) / blocks * kWideColumns;
    columns = least(kWideColumns, j.w.n - n0);
    r0 = least(int64_t(item) % blocks * rows, j.m);
    r1 = least(r0 + rows, j.m);
  }
};

// WideTile is a part of W, decoded and turned: panels of kPanel columns [k][column], the last one as narrow as whole lanes allow.
struct WideTile {
  alignas(64) float w[kWideColumns * kDepth];
  alignas(64) float scale[kWideColumns], bias[kWideColumns];
};

static void wide_load(const Weights& w, const WideBlock& at, int64_t k, int64_t count, WideTile& t) {
  alignas(64) float rows[L * kDepth];
  for (int64_t c = 0; c < at.columns; c += L) {
    int64_t panel = c / kPanel * kPanel, width = least(kPanel, ceil_div(at.columns - panel, L) * L), there = least(L, at.columns - c);
    for (int64_t n = 0; n < there; n++) decode(w, at.n0 + c + n, k, count, rows + n * kDepth);
    pack_lanes(rows, kDepth, there, count, t.w + panel * kDepth + (c - panel), width);
  }
}

// WideRows are up to kTile rows of x and of y; what stands for rows that are not there is read, and not written.
struct WideRows {
  const float* x[kTile];
  float* y;
  int64_t ldy, rows, last;  // last: columns of the panel's last vector
  bool begin;
};

static inline vfa load_part(const float* p, int64_t n) {
  if (n == L) return load(p);
  alignas(64) float part[L] = {};
  for (int64_t i = 0; i < n; i++) part[i] = p[i];
  return load(part);
}

static inline void store_part(float* p, vfa v, int64_t n) {
  if (n == L) return store(p, v);
  alignas(64) float part[L];
  store(part, v);
  for (int64_t i = 0; i < n; i++) p[i] = part[i];
}

// wide_micro adds `count` products to C·L sums of each row. Where scale is not null they are the last: y = sum · factor · scale +
// bias, in this order, for a scale may be near the largest number there is.
template <int C>
static void wide_micro(const WideRows& t, const float* w, int64_t count, float factor, const float* scale, const float* bias) {
  vfa acc[kTile][C];
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++)
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) acc[n][c] = t.begin || n >= t.rows ? vfa{} : load_part(t.y + n * t.ldy + c * L, c + 1 < C ? L : t.last);
  const float *x0 = t.x[0], *x1 = t.x[1], *x2 = t.x[2], *x3 = t.x[3], *x4 = t.x[4], *x5 = t.x[5];
  for (int64_t k = 0; k < count; k++, w += C * L) {
    vfa v[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) v[c] = load(w + c * L);
    const float x[kTile] = {x0[k], x1[k], x2[k], x3[k], x4[k], x5[k]};
#pragma GCC unroll 8
    for (int n = 0; n < kTile; n++) {
      vfa s = splat(x[n]);
#pragma GCC unroll 4
      for (int c = 0; c < C; c++) acc[n][c] += v[c] * s;
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kTile; n++) {
    if (n >= t.rows) break;
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) {
      vfa sum = acc[n][c];
      if (scale) sum = sum * factor * load(scale + c * L) + load(bias + c * L);
      store_part(t.y + n * t.ldy + c * L, sum, c + 1 < C ? L : t.last);
    }
  }
}

static inline void wide_panel(int64_t vectors, const WideRows& t, const float* w, int64_t count, float factor, const float* scale, const float* bias) {
  switch (vectors) {
    case 1: return wide_micro<1>(t, w, count, factor, scale, bias);
    case 2: return wide_micro<2>(t, w, count, factor, scale, bias);
#if VDX_ROW_VECTORS > 2
    case 3: return wide_micro<3>(t, w, count, factor, scale, bias);
    default: return wide_micro<4>(t, w, count, factor, scale, bias);
#endif
  }
}

static void wide_run(const Job& j, size_t item) {
  WideTile tile;
  WideBlock at(j, item);
  for (int64_t c = 0; c < kWideColumns; c++) {
    tile.scale[c] = c < at.columns ? row_scale(j.w, at.n0 + c) : 0;
    tile.bias[c] = c < at.columns && j.bias ? j.bias[at.n0 + c] : 0;
  }
  float factor = row_factor(j.w);
  for (int64_t k = 0; k < j.w.k; k += kDepth) {
    int64_t count = least(kDepth, j.w.k - k);
    wide_load(j.w, at, k, count, tile);
    for (int64_t c = 0; c < at.columns; c += kTile) fetch(j.w, at.n0 + c, k + kDepth, least(kDepth, j.w.k - k - kDepth));
    bool end = k + count == j.w.k;
    for (int64_t r = at.r0; r < at.r1; r += kTile) {
      WideRows t{};
      t.rows = least(kTile, at.r1 - r), t.ldy = j.w.n, t.begin = k == 0;
      for (int64_t i = 0; i < kTile; i++) t.x[i] = j.x + (r + least(i, t.rows - 1)) * j.w.k + k;
      for (int64_t c = 0; c < at.columns; c += kPanel) {
        int64_t columns = least(kPanel, at.columns - c), vectors = ceil_div(columns, L);
        t.y = j.y + r * j.w.n + at.n0 + c, t.last = columns - (vectors - 1) * L;
        wide_panel(vectors, t, tile.w + c * kDepth, count, factor, end ? tile.scale + c : nullptr, tile.bias + c);
      }
    }
  }
}

static size_t wide_nothing(const Job&) { return 0; }
static const Kernel wide_kernel = {VDX_NAME, wide_nothing, wide_nothing, nullptr, wide_items, wide_run};
