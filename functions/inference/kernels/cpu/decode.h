// Decoding a part of one row of W into floats. Formats whose scale belongs to a whole row leave it out: row_scale gives it.
// A 4-bit group is 16 codes: the least block.

static const float kNF4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
    -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};
static const float kE2M1[16] = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -.5f, -1, -1.5f, -2, -3, -4, -6};

static inline float bits_float(uint32_t u) {
  float f;
  __builtin_memcpy(&f, &u, 4);
  return f;
}

static inline float e4m3(uint8_t c) {
  uint32_t m = c & 127;
  float f = m < 8 ? float(m) * (1.0f / 512) : bits_float((m << 20) + (120u << 23));
  return c & 128 ? -f : f;
}

static inline float absmax(const Weights& w, int64_t block) {
  if (!w.nested) return w.scales[block];
  float product = w.table[w.scale_codes[block]] * w.scales2[block / 256];
  __asm__("" : "+m"(product));  // two roundings, as the reference: no fused multiply-add
  return product + w.offset;
}

static inline uint8_t nibble(const uint8_t* codes, int64_t i, bool high_first) {
  return ((i & 1) == 0) == high_first ? codes[i / 2] >> 4 : codes[i / 2] & 15;
}

static inline float zero_point(const Weights& w, int64_t row, int64_t block) {
  if (!w.zero_points) return w.format == Format::int8 ? 128 : 8;
  if (w.format == Format::int8) return w.zero_points[row * w.row_blocks + block];
  return nibble(w.zero_points + row * ceil_div(w.row_blocks, 2), block, false);
}

#include "lookup.h"

static inline void decode_bf16(const uint8_t* codes, int64_t count, float* dst) {
  int64_t i = 0;
  for (; i + L <= count; i += L) {
    vi wide = __builtin_convertvector(*(const vh*)(codes + 2 * i), vi) << 16;
    store(dst + i, (vfa)wide);
  }
  for (; i < count; i++) {
    uint16_t h;
    __builtin_memcpy(&h, codes + 2 * i, 2);
    dst[i] = bits_float(uint32_t(h) << 16);
  }
}

static inline void decode_int8(const Weights& w, int64_t row, int64_t k, int64_t count, float* dst) {
  const uint8_t* codes = w.codes + row * w.row_bytes + k;
  for (int64_t i = 0; i < count;) {  // rows are padded to whole blocks, dst to whole groups
    int64_t b = (k + i) >> __builtin_ctzll(w.block), end = least(ceil_div(count, 16) * 16, ((b + 1) * w.block) - k);
    vfa scale = splat(w.scales[row * w.row_blocks + b]), zero = splat(zero_point(w, row, b));
    for (; i < end; i += L) {
      vfa v = __builtin_convertvector(__builtin_convertvector(*(const vb*)(codes + i), vi), vfa);
      store(dst + i, (v - zero) * scale);
    }
  }
}

static inline void decode_int4(const Weights& w, int64_t row, int64_t k, int64_t count, float* dst) {
  const uint8_t* codes = w.codes + row * w.row_bytes + k / 2;
  for (int64_t i = 0; i < count;) {
    int64_t b = (k + i) >> __builtin_ctzll(w.block), end = least(count, (b + 1) * w.block - k);
    Lookup t = Lookup::ramp(zero_point(w, row, b), w.scales[row * w.row_blocks + b]);
    for (; i < end; i += 16) t.decode(codes + i / 2, w.high_first, dst + i);
  }
}

static inline void decode_nvfp4(const Weights& w, int64_t row, int64_t k, int64_t count, float* dst) {
  const uint8_t* codes = w.codes + row * w.row_bytes + k / 2;
  const uint8_t* scales = w.scale_codes + row * w.row_blocks + k / 16;
  float block_scale[kDepth / 16];
  int64_t blocks = ceil_div(count, 16);
  decode_fp8(scales, blocks, block_scale);  // 1/256 of it, see there
  float global = w.scales2[0];
  Lookup t = Lookup::of(kE2M1);
  for (int64_t b = 0; b < blocks; b++) t.decode_scaled(codes + 8 * b, w.high_first, block_scale[b] * kFP8Factor * global, dst + 16 * b);
}

// decode_nf4 takes groups of 16 where they lie in one block and on whole bytes, and single codes elsewhere.
static inline void decode_nf4(const Weights& w, int64_t row, int64_t k, int64_t count, float* dst) {
  int64_t first = row * w.k + k, i = 0;
  if (first % 16 == 0) {
    Lookup table = Lookup::of(kNF4);
    for (; i + 16 <= count;) {
      int64_t block = (first + i) >> __builtin_ctzll(w.block), end = least(count, (block + 1) * w.block - first);
      Lookup t = table.scaled(absmax(w, block));
      for (; i + 16 <= end; i += 16) t.decode(w.codes + (first + i) / 2, w.high_first, dst + i);
      if (i < end) break;
    }
  }
  for (; i < count; i++) dst[i] = kNF4[nibble(w.codes, first + i, w.high_first)] * absmax(w, (first + i) / w.block);
}

// decode writes `count` (at most kDepth) values of a row from k, a multiple of kDepth, on.
static void decode(const Weights& w, int64_t row, int64_t k, int64_t count, float* dst) {
  switch (w.format) {
    case Format::bf16: return decode_bf16(w.codes + row * w.row_bytes + 2 * k, count, dst);
    case Format::fp8: return decode_fp8(w.codes + row * w.row_bytes + k, count, dst);
    case Format::nf4: return decode_nf4(w, row, k, count, dst);
    case Format::nvfp4: return decode_nvfp4(w, row, k, count, dst);
    case Format::int8: return decode_int8(w, row, k, count, dst);
    case Format::int4: return decode_int4(w, row, k, count, dst);
  }
}

// row_factor and row_scale are what decoded values of a row are still to be multiplied by, in this order.
static inline float row_factor(const Weights& w) { return w.format == Format::fp8 ? kFP8Factor : 1; }
static inline float row_scale(const Weights& w, int64_t row) { return w.format == Format::fp8 ? w.scales[w.per_channel ? row : 0] : 1; }

// fetch asks for the codes of six rows from k on before they are needed: each is a short piece of a long row, which the
// hardware does not foresee.
static inline void fetch(const Weights& w, int64_t row, int64_t k, int64_t count) {
  int64_t bits = w.format == Format::bf16 ? 16 : w.format == Format::fp8 || w.format == Format::int8 ? 8 : 4;
  for (int64_t n = row; n < least(row + kTile, w.n); n++) {
    const uint8_t* p = w.codes + (w.format == Format::nf4 ? (n * w.k + k) / 2 : n * w.row_bytes + k * bits / 8);
    for (int64_t i = 0; i < count * bits / 8; i += 64) __builtin_prefetch(p + i, 0, 2);
  }
}
