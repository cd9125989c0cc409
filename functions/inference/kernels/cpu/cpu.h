// What the compiler's own feature test does not know.
#pragma once
#if defined(__x86_64__)
#include <cpuid.h>
static inline bool has_f16c() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
static inline bool has_avxvnni() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#elif defined(__aarch64__)
#include <sys/auxv.h>
static inline bool has_dotprod() { return getauxval(AT_HWCAP) & 1ul << 20; }
#endif
