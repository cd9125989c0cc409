// dot4 adds to each 32-bit lane the sum of four products of codes of W (one 32-bit word, the same for every lane) with
// int8 values of x. kSigned says whether W's codes are given as they are (0…255) or less 128.

#if defined(__AVX512VNNI__)
constexpr bool kSigned = false;
static inline vi dot4(vi acc, vi x, int32_t w) { return (vi)_mm512_dpbusd_epi32((__m512i)acc, _mm512_set1_epi32(w), (__m512i)x); }
#elif defined(__AVXVNNI__)
constexpr bool kSigned = false;
static inline vi dot4(vi acc, vi x, int32_t w) { return (vi)_mm256_dpbusd_avx_epi32((__m256i)acc, _mm256_set1_epi32(w), (__m256i)x); }
#elif defined(__AVX512BW__)
constexpr bool kSigned = false;
// The 16-bit sums would overflow: codes are taken apart into 2·high + low.
static inline vi dot4(vi acc, vi x, int32_t w) {
  const __m512i ones = _mm512_set1_epi16(1), twos = _mm512_set1_epi16(2);
  __m512i high = _mm512_set1_epi32(int32_t(uint32_t(w) >> 1 & 0x7f7f7f7f)), low = _mm512_set1_epi32(w & 0x01010101);
  __m512i sum = _mm512_madd_epi16(_mm512_maddubs_epi16(high, (__m512i)x), twos);
  sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(low, (__m512i)x), ones));
  return acc + (vi)sum;
}
#elif defined(__AVX2__)
constexpr bool kSigned = true;
// |w|·(x with w's sign): 2·128·127 fits 16 bits.
static inline vi dot4(vi acc, vi x, int32_t w) {
  __m256i wide = _mm256_set1_epi32(w);
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(wide), _mm256_sign_epi8((__m256i)x, wide));
  return acc + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#elif defined(__ARM_FEATURE_DOTPROD)
constexpr bool kSigned = true;
static inline vi dot4(vi acc, vi x, int32_t w) { return (vi)vdotq_s32((int32x4_t)acc, (int8x16_t)x, vreinterpretq_s8_s32(vdupq_n_s32(w))); }
#else
constexpr bool kSigned = true;
static inline vi dot4(vi acc, vi x, int32_t w) {
#pragma GCC unroll 4
  for (int s = 0; s < 32; s += 8) acc += (x << (24 - s) >> 24) * (int32_t(uint32_t(w) << (24 - s)) >> 24);
  return acc;
}
#endif
