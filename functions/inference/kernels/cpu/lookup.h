// Tables of 16 floats asked by 16 4-bit codes, and E4M3, for each instruction set.

#if defined(__AVX512F__)

// Lookup holds the table in one register; a permutation looks at the lowest four bits of each lane only.
struct Lookup {
  __m512 t;
  static Lookup of(const float* table) { return {_mm512_loadu_ps(table)}; }
  static Lookup ramp(float zero, float scale) {
    const __m512 iota = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return {_mm512_mul_ps(_mm512_sub_ps(iota, _mm512_set1_ps(zero)), _mm512_set1_ps(scale))};
  }
  Lookup scaled(float s) const { return {_mm512_mul_ps(t, _mm512_set1_ps(s))}; }
  static __m512i spread(const uint8_t* codes, bool high_first) {
    const __m512i low = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
    const __m512i high = _mm512_setr_epi32(4, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24);
    int32_t a, b;
    __builtin_memcpy(&a, codes, 4);
    __builtin_memcpy(&b, codes + 4, 4);
    __m512i v = _mm512_mask_set1_epi32(_mm512_set1_epi32(a), 0xff00, b);
    return _mm512_srlv_epi32(v, high_first ? high : low);
  }
  void decode(const uint8_t* codes, bool high_first, float* dst) const {
    _mm512_storeu_ps(dst, _mm512_permutexvar_ps(spread(codes, high_first), t));
  }
  void decode_scaled(const uint8_t* codes, bool high_first, float s, float* dst) const {
    _mm512_storeu_ps(dst, _mm512_mul_ps(_mm512_permutexvar_ps(spread(codes, high_first), t), _mm512_set1_ps(s)));
  }
};

#elif defined(__AVX2__)

// Lookup holds the table in two registers; bit 3 of a code chooses between them.
struct Lookup {
  __m256 low, high;
  static Lookup of(const float* table) { return {_mm256_loadu_ps(table), _mm256_loadu_ps(table + 8)}; }
  static Lookup ramp(float zero, float scale) {
    const __m256 iota = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    __m256 z = _mm256_set1_ps(zero), s = _mm256_set1_ps(scale);
    return {_mm256_mul_ps(_mm256_sub_ps(iota, z), s), _mm256_mul_ps(_mm256_sub_ps(_mm256_add_ps(iota, _mm256_set1_ps(8)), z), s)};
  }
  Lookup scaled(float s) const { return {_mm256_mul_ps(low, _mm256_set1_ps(s)), _mm256_mul_ps(high, _mm256_set1_ps(s))}; }
  __m256 eight(const uint8_t* codes, bool high_first) const {
    const __m256i shifts_low = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28), shifts_high = _mm256_setr_epi32(4, 0, 12, 8, 20, 16, 28, 24);
    int32_t a;
    __builtin_memcpy(&a, codes, 4);
    __m256i v = _mm256_srlv_epi32(_mm256_set1_epi32(a), high_first ? shifts_high : shifts_low);
    __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(v, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, v), _mm256_permutevar8x32_ps(high, v), upper);
  }
  void decode(const uint8_t* codes, bool high_first, float* dst) const {
    _mm256_storeu_ps(dst, eight(codes, high_first));
    _mm256_storeu_ps(dst + 8, eight(codes + 4, high_first));
  }
  void decode_scaled(const uint8_t* codes, bool high_first, float s, float* dst) const {
    _mm256_storeu_ps(dst, _mm256_mul_ps(eight(codes, high_first), _mm256_set1_ps(s)));
    _mm256_storeu_ps(dst + 8, _mm256_mul_ps(eight(codes + 4, high_first), _mm256_set1_ps(s)));
  }
};

#else

struct Lookup {
  float t[16];
  static Lookup of(const float* table) {
    Lookup r;
    for (int i = 0; i < 16; i++) r.t[i] = table[i];
    return r;
  }
  static Lookup ramp(float zero, float scale) {
    Lookup r;
    for (int i = 0; i < 16; i++) r.t[i] = (float(i) - zero) * scale;
    return r;
  }
  Lookup scaled(float s) const {
    Lookup r;
    for (int i = 0; i < 16; i++) r.t[i] = t[i] * s;
    return r;
  }
  void decode(const uint8_t* codes, bool high_first, float* dst) const {
    int first = high_first ? 4 : 0;
    for (int i = 0; i < 8; i++) {
      dst[2 * i] = t[codes[i] >> first & 15];
      dst[2 * i + 1] = t[codes[i] >> (4 - first) & 15];
    }
  }
  void decode_scaled(const uint8_t* codes, bool high_first, float s, float* dst) const { scaled(s).decode(codes, high_first, dst); }
};

#endif

#if defined(__F16C__) || defined(__AVX512F__) || defined(__aarch64__)

// decode_fp8 goes through float16: E4M3's bits, moved, are a float16 of 1/256 of the value, subnormals included.
constexpr float kFP8Factor = 256;

#if defined(__AVX512F__)
static inline __m512 fp8_lanes(const uint8_t* codes) {
  __m256i h = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)codes));
  return _mm512_cvtph_ps(_mm256_and_si256(_mm256_slli_epi16(h, 7), _mm256_set1_epi16((short)0xbfff)));
}
static inline void fp8_store(const uint8_t* codes, float* dst) { _mm512_storeu_ps(dst, fp8_lanes(codes)); }
#elif defined(__F16C__)
static inline void fp8_store(const uint8_t* codes, float* dst) {
  __m256i h = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)codes));
  h = _mm256_and_si256(_mm256_slli_epi16(h, 7), _mm256_set1_epi16((short)0xbfff));
  _mm256_storeu_ps(dst, _mm256_cvtph_ps(_mm256_castsi256_si128(h)));
  _mm256_storeu_ps(dst + 8, _mm256_cvtph_ps(_mm256_extracti128_si256(h, 1)));
}
#else
static inline void fp8_store(const uint8_t* codes, float* dst) {
  int8x16_t c = vld1q_s8((const int8_t*)codes);
  for (int half = 0; half < 2; half++) {
    int16x8_t h = vmovl_s8(half ? vget_high_s8(c) : vget_low_s8(c));
    h = vandq_s16(vshlq_n_s16(h, 7), vdupq_n_s16((int16_t)0xbfff));
    float16x8_t f = vreinterpretq_f16_s16(h);
    vst1q_f32(dst + 8 * half, vcvt_f32_f16(vget_low_f16(f)));
    vst1q_f32(dst + 8 * half + 4, vcvt_f32_f16(vget_high_f16(f)));
  }
}
#endif

static inline void decode_fp8(const uint8_t* codes, int64_t count, float* dst) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) fp8_store(codes + i, dst + i);
  for (; i < count; i++) dst[i] = e4m3(codes[i]) / kFP8Factor;
}

#else

constexpr float kFP8Factor = 1;
static inline void decode_fp8(const uint8_t* codes, int64_t count, float* dst) {
  for (int64_t i = 0; i < count; i++) dst[i] = e4m3(codes[i]);
}

#endif
