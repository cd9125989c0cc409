// Convolutions as products of blocks: a block of results (pixels, or squares of two by two pixels) is gathered into panels
// [groups of channels][block][kGroup] and multiplied with weights [groups of channels][kGroup][kGroup], whose rows lie across the
// lanes while single values of x are broadcast. What is 3 × 3 in space goes through Winograd's F(2 × 2, 3 × 3): sixteen products, one
// for each position of the transformed square, frames of the kernel summed there; x is transformed once for all frames that see it.

constexpr int64_t kGroupVectors = kGroup / L;
constexpr int64_t kSums = 6 * VDX_ROW_VECTORS;          // vectors of sums that registers hold
constexpr int64_t kMost = kSums / kGroupVectors > 3 ? kSums / kGroupVectors : 3;  // results at a time for one group of out channels
constexpr int64_t kWide = 4 * kGroup;                   // out channels at a time, at most
constexpr int64_t kRound = 24;                          // blocks have room for a multiple of this, as any step divides it
constexpr int64_t kSquare = 16;                         // values of a transformed square
constexpr int64_t kApart = kGroup;                      // between planes whose size is a multiple of a cache's: they would share its sets

// Block says how results are cut.
struct ConvBlock {
  int64_t all, each, room;
  explicit ConvBlock(const Conv& c) {
    all = c.squares() ? ceil_div(c.out[1], 2) * ceil_div(c.out[2], 2) : c.out[0] * c.out[1] * c.out[2];
    int64_t most = c.channels > 128 ? 96 : 48, blocks = ceil_div(all, most), fine = least(8, ceil_div(all, 12));
    if (blocks < fine) blocks = fine;
    each = blocks > 0 ? ceil_div(ceil_div(all, blocks), 6) * 6 : 6;
    room = ceil_div(each, kRound) * kRound;
  }
  int64_t count() const { return ceil_div(all, each); }
};

// Panel is a part of the sum: x [blocks of channels][room][kGroup] and weights, whose groups of out channels are `next` apart.
struct Panel {
  const float *x, *w;
};

// products makes N results of G groups of out channels, one behind the other.
template <int G, int N>
static void products(const Panel* p, int64_t panels, int64_t blocks, int64_t room, int64_t next, float* sums) {
  constexpr int R = G * int(kGroupVectors);
  vfa acc[N][R];
#pragma GCC unroll 24
  for (int n = 0; n < N; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) acc[n][r] = vfa{};
  for (int64_t k = 0; k < panels; k++) {
    const float *x = p[k].x, *w = p[k].w;
    for (int64_t b = 0; b < blocks; b++, x += room * kGroup, w += kGroup * kGroup) {
#pragma GCC unroll 2
      for (int64_t c = 0; c < kGroup; c++) {
        vfa v[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) v[r] = load(w + r / kGroupVectors * next + c * kGroup + r % kGroupVectors * L);
#pragma GCC unroll 24
        for (int n = 0; n < N; n++) {
          vfa s = splat(x[n * kGroup + c]);
#pragma GCC unroll 4
          for (int r = 0; r < R; r++) acc[n][r] += v[r] * s;
        }
      }
    }
  }
#pragma GCC unroll 24
  for (int n = 0; n < N; n++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) store(sums + n * G * kGroup + r * L, acc[n][r]);
}

// wide is how many groups of out channels are taken at once, of those that are left.
static inline int64_t wide(int64_t left) {
  if (L < kGroup) return 1;
  return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

// multiply fills `count` results, rounded up to the step of the registers.
static void multiply(int64_t wide, const Panel* p, int64_t panels, int64_t blocks, int64_t room, int64_t next, int64_t count, float* sums) {
  constexpr int n1 = int(kMost), n2 = n1 >= 12 ? n1 / 2 : n1, n4 = n1 >= 12 ? n1 / 4 : n1;
  int64_t step = wide == 4 ? n4 : wide == 2 ? n2 : n1;
  Panel at[64];
  for (int64_t n = 0; n < count; n += step) {
    for (int64_t k = 0; k < panels; k++) at[k] = {p[k].x + n * kGroup, p[k].w};
    float* to = sums + n * wide * kGroup;
#if VDX_LANES == 16
    if (wide == 4) {
      products<4, n4>(at, panels, blocks, room, next, to);
    } else if (wide == 2) {
      products<2, n2>(at, panels, blocks, room, next, to);
    } else
#endif
      products<1, n1>(at, panels, blocks, room, next, to);
  }
}

// pixel is where one of a frame lies; null outside.
static inline const float* pixel(const Conv& c, const float* frame, int64_t y, int64_t x) {
  if (y < 0 || x < 0 || y >= c.in[1] << c.twice || x >= c.in[2] << c.twice) return nullptr;
  return frame + ((y >> c.twice) * c.in[2] + (x >> c.twice)) * c.channels;
}

// Channels are kGroup of a pixel's, zeros outside and behind the last.
struct Channels {
  vfa v[kGroupVectors];
  Channels(const float* p, int64_t from, int64_t channels) {
    if (p && from + kGroup <= channels) {
      for (int l = 0; l < kGroupVectors; l++) v[l] = load(p + from + l * L);
      return;
    }
    alignas(64) float t[kGroup] = {};
    if (p)
      for (int64_t i = from; i < channels; i++) t[i - from] = p[i];
    for (int l = 0; l < kGroupVectors; l++) v[l] = load(t + l * L);
  }
};

// result writes one pixel of one group: sums, bias, residual.
static inline void result(const Conv& c, int64_t at, int64_t group, const vfa* sums) {
  int64_t o = group * kGroup, left = least(kGroup, c.out_channels - o);
  float* y = c.y + at * c.out_channels + o;
  const float* r = c.residual ? c.residual + at * c.out_channels + o : nullptr;
  if (left == kGroup) {
    for (int l = 0; l < kGroupVectors; l++) {
      vfa v = sums[l] + load(c.bias + o + l * L);
      if (r) v += load(r + l * L);
      store(y + l * L, v);
    }
    return;
  }
  alignas(64) float t[kGroup];
  for (int l = 0; l < kGroupVectors; l++) store(t + l * L, sums[l]);
  for (int64_t i = 0; i < left; i++) y[i] = t[i] + c.bias[o + i] + (r ? r[i] : 0);
}

// The products of every tap.

static void direct_gather(const Conv& c, const ConvBlock& b, int64_t first, int64_t count, float* panel) {
  int64_t blocks = groups_of(c.channels), plane = c.out[1] * c.out[2];
  for (int64_t n = 0; n < b.room; n++) {
    int64_t at = first + n, t = at / plane, y = at % plane / c.out[2], x = at % c.out[2], tap = 0;
    for (int64_t i = 0; i < c.kernel[0]; i++) {
      const float* frame = n < count ? c.source(t * c.stride[0] + i - c.pad[0]) : nullptr;
      for (int64_t j = 0; j < c.kernel[1]; j++)
        for (int64_t k = 0; k < c.kernel[2]; k++, tap++) {
          const float* p = frame ? pixel(c, frame, y * c.stride[1] + j - c.pad[1], x * c.stride[2] + k - c.pad[2]) : nullptr;
          for (int64_t g = 0; g < blocks; g++) {
            Channels v(p, g * kGroup, c.channels);
            for (int l = 0; l < kGroupVectors; l++) store(panel + ((tap * blocks + g) * b.room + n) * kGroup + l * L, v.v[l]);
          }
        }
    }
  }
}

static void direct_run(const Conv& c, int64_t item, float* scratch) {
  ConvBlock b(c);
  int64_t first = item * b.each, count = least(b.each, b.all - first), depth = c.taps() * c.padded();
  float *panel = scratch, *sums = panel + depth * b.room;
  direct_gather(c, b, first, count, panel);
  for (int64_t g = 0, w = 0; g < c.groups; g += w) {
    w = wide(c.groups - g);
    Panel p = {panel, c.weight + (c.group + g) * depth * kGroup};
    multiply(w, &p, 1, depth / kGroup, b.room, depth * kGroup, count, sums);
    for (int64_t n = 0; n < count; n++)
      for (int64_t k = 0; k < w; k++) {
        vfa v[kGroupVectors];
        for (int l = 0; l < kGroupVectors; l++) v[l] = load(sums + (n * w + k) * kGroup + l * L);
        result(c, first + n, c.group + g + k, v);
      }
  }
}

// Winograd's squares.

// square_weights turns the taps of one frame of the kernel into 16 weights, for one group: [position][group][frame][channels][kGroup].
static void square_weights(const Conv& c, int64_t item) {
  int64_t frames = c.kernel[0], g = item / frames, f = item % frames, depth = c.padded(), apart = c.groups * frames * depth * kGroup;
  const float* from = c.weight + ((c.group + g) * frames + f) * 9 * depth * kGroup;
  float* to = c.prepared + (g * frames + f) * depth * kGroup;
  for (int64_t i = 0; i < depth * kGroup; i += L) {
    vfa rows[4][3];
    for (int x = 0; x < 3; x++) {
      vfa a = load(from + x * depth * kGroup + i), b = load(from + (3 + x) * depth * kGroup + i), d = load(from + (6 + x) * depth * kGroup + i);
      rows[0][x] = a, rows[1][x] = (a + b + d) * 0.5f, rows[2][x] = (a - b + d) * 0.5f, rows[3][x] = d;
    }
    for (int y = 0; y < 4; y++) {
      vfa a = rows[y][0], b = rows[y][1], d = rows[y][2];
      float* at = to + y * 4 * apart + i;
      store(at, a), store(at + apart, (a + b + d) * 0.5f), store(at + 2 * apart, (a - b + d) * 0.5f), store(at + 3 * apart, d);
    }
  }
}

// square_gather transforms a block of squares of one frame: [position][groups of channels][room][kGroup].
static void square_gather(const Conv& c, const ConvBlock& b, int64_t first, int64_t count, const float* frame, float* panel) {
  int64_t blocks = groups_of(c.channels), across = ceil_div(c.out[2], 2), apart = blocks * b.room * kGroup + kApart;
  for (int64_t n = 0; n < b.room; n++) {
    const float* p[4][4];
    int64_t y = (first + n) / across * 2 - c.pad[1], x = (first + n) % across * 2 - c.pad[2];
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) p[i][j] = n < count ? pixel(c, frame, y + i, x + j) : nullptr;
    for (int64_t g = 0; g < blocks; g++) {
      float* to = panel + (g * b.room + n) * kGroup;
      vfa d[4][4][kGroupVectors];
      for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
          Channels v(p[i][j], g * kGroup, c.channels);
          for (int l = 0; l < kGroupVectors; l++) d[i][j][l] = v.v[l];
        }
      for (int l = 0; l < kGroupVectors; l++) {
        vfa r[4][4];
        for (int j = 0; j < 4; j++) {
          r[0][j] = d[0][j][l] - d[2][j][l], r[1][j] = d[1][j][l] + d[2][j][l];
          r[2][j] = d[2][j][l] - d[1][j][l], r[3][j] = d[1][j][l] - d[3][j][l];
        }
        for (int i = 0; i < 4; i++) {
          float* at = to + i * 4 * apart + l * L;
          store(at, r[i][0] - r[i][2]), store(at + apart, r[i][1] + r[i][2]);
          store(at + 2 * apart, r[i][2] - r[i][1]), store(at + 3 * apart, r[i][1] - r[i][3]);
        }
      }
    }
  }
}

// square_results are the four pixels of every square: sums [position][room][kWide].
static void square_results(const Conv& c, const ConvBlock& b, int64_t first, int64_t count, int64_t t, int64_t group, int64_t w, const float* sums) {
  int64_t across = ceil_div(c.out[2], 2), apart = b.room * kWide + kApart;
  for (int64_t n = 0; n < count; n++) {
    int64_t y = (first + n) / across * 2, x = (first + n) % across * 2;
    for (int64_t k = 0; k < w; k++) {
      vfa out[2][2][kGroupVectors];
      for (int l = 0; l < kGroupVectors; l++) {
        const float* from = sums + (n * w + k) * kGroup + l * L;
        vfa r[2][4];
        for (int j = 0; j < 4; j++) {
          vfa a = load(from + j * apart), e = load(from + (4 + j) * apart), f = load(from + (8 + j) * apart), d = load(from + (12 + j) * apart);
          r[0][j] = a + e + f, r[1][j] = e - f - d;
        }
        for (int i = 0; i < 2; i++) out[i][0][l] = r[i][0] + r[i][1] + r[i][2], out[i][1][l] = r[i][1] - r[i][2] - r[i][3];
      }
      for (int64_t i = 0; i < least(2, c.out[1] - y); i++)
        for (int64_t j = 0; j < least(2, c.out[2] - x); j++) result(c, (t * c.out[1] + y + i) * c.out[2] + x + j, group + k, out[i][j]);
    }
  }
}

// squares_run makes a block of squares in every frame. Frames of x wait, transformed, in as many slots as the kernel has frames.
static void squares_run(const Conv& c, int64_t item, float* scratch) {
  ConvBlock b(c);
  int64_t first = item * b.each, count = least(b.each, b.all - first), blocks = groups_of(c.channels), frames = c.kernel[0];
  int64_t plane = blocks * b.room * kGroup + kApart, slot = kSquare * plane, depth = c.padded() * kGroup, apart = c.groups * frames * depth;
  float* sums = scratch + frames * slot;
  int64_t held[8];
  for (int64_t& h : held) h = INT64_MIN;
  for (int64_t t = 0; t < c.out[0]; t++) {
    Panel all[8];
    int64_t panels = 0;
    for (int64_t k = 0; k < frames; k++) {
      int64_t f = t + k - c.pad[0], at = ((f % frames) + frames) % frames;
      const float* frame = c.source(f);
      if (!frame) continue;
      if (held[at] != f) square_gather(c, b, first, count, frame, scratch + at * slot);
      held[at] = f;
      all[panels++] = {scratch + at * slot, c.prepared + k * depth};
    }
    for (int64_t g = 0, w = 0; g < c.groups; g += w) {
      w = wide(c.groups - g);
      for (int64_t s = 0; s < kSquare; s++) {
        Panel p[8];
        for (int64_t k = 0; k < panels; k++) p[k] = {all[k].x + s * plane, all[k].w + s * apart + g * frames * depth};
        multiply(w, p, panels, blocks, b.room, frames * depth, count, sums + s * (b.room * kWide + kApart));
      }
      square_results(c, b, first, count, t, c.group + g, w, sums);
    }
  }
}

static int64_t conv_prepared(const Conv& c) { return c.squares() ? kSquare * c.groups * c.kernel[0] * c.padded() * kGroup : 0; }
static int64_t conv_prepare_items(const Conv& c) { return c.squares() ? c.groups * c.kernel[0] : 0; }
static int64_t conv_scratch(const Conv& c) {
  ConvBlock b(c);
  if (c.squares()) return kSquare * (b.room * (c.kernel[0] * c.padded() + kWide) + (c.kernel[0] + 1) * kApart);
  return b.room * (c.taps() * c.padded() + kWide);
}
static int64_t conv_items(const Conv& c) { return ConvBlock(c).count(); }
static void conv_run(const Conv& c, int64_t item, float* scratch) { c.squares() ? squares_run(c, item, scratch) : direct_run(c, item, scratch); }

static const ConvKernel conv_kernel = {conv_prepared, conv_prepare_items, square_weights, conv_scratch, conv_items, conv_run};
