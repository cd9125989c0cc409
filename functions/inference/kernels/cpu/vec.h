// Vectors of VDX_LANES floats by the compiler's vector extension: the same source serves every instruction set. Included
// by one translation unit per instruction set, inside a namespace of its own; nothing here may be a symbol that the
// linker shares between them.
typedef float vf __attribute__((vector_size(4 * VDX_LANES), aligned(4), may_alias));
typedef float vfa __attribute__((vector_size(4 * VDX_LANES), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * VDX_LANES), may_alias));
typedef int32_t viu __attribute__((vector_size(4 * VDX_LANES), aligned(4), may_alias));
typedef uint16_t vh __attribute__((vector_size(2 * VDX_LANES), aligned(1), may_alias));
typedef uint8_t vb __attribute__((vector_size(VDX_LANES), aligned(1), may_alias));

constexpr int64_t L = VDX_LANES;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline vfa load(const float* p) { return *(const vf*)p; }
static inline void store(float* p, vfa v) { *(vf*)p = v; }
static inline vfa splat(float s) { return s - vfa{}; }

// swap exchanges the off-diagonal parts of size S of two rows: a step of a transposition.
template <int S>
static inline void swap_parts(vfa& a, vfa& b) {
  vi low, high;
  for (int l = 0; l < L; l++) {
    low[l] = l & S ? int(L) + l - S : l;
    high[l] = l & S ? int(L) + l : l + S;
  }
  vfa first = __builtin_shuffle(a, b, low), second = __builtin_shuffle(a, b, high);
  a = first;
  b = second;
}

template <int S>
static inline void transpose_step(vfa (&r)[L]) {
  if constexpr (S > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < L; i++)
      if (!(i & S)) swap_parts<S>(r[i], r[i + S]);
    transpose_step<S / 2>(r);
  }
}

// transpose turns L rows of L into L columns.
static inline void transpose(vfa (&r)[L]) { transpose_step<VDX_LANES / 2>(r); }
