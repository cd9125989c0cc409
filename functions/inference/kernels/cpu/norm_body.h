// The norm over channels, and its SiLU.

// across is the sum of the lanes, in all of them.
template <int S>
static inline vfa across_step(vfa v) {
  if constexpr (S > 0) {
    vi other;
    for (int l = 0; l < L; l++) other[l] = l ^ S;
    return across_step<S / 2>(v + __builtin_shuffle(v, other));
  }
  return v;
}
static inline vfa across(vfa v) { return across_step<VDX_LANES / 2>(v); }

// exponential is e^x, within two units in the last place, for |x| ≤ 87.
static inline vfa exponential(vfa x) {
  const vfa log2e = splat(1.44269504f), high = splat(0.693359375f), low = splat(-2.12194440e-4f);
  vi n = __builtin_convertvector(x * log2e + splat(128.5f), vi) - 128;  // rounds down, as everything is positive
  vfa k = __builtin_convertvector(n, vfa), r = x - k * high - k * low;
  vfa p = splat(1.9875691500e-4f);
  p = p * r + splat(1.3981999507e-3f), p = p * r + splat(8.3334519073e-3f), p = p * r + splat(4.1665795894e-2f);
  p = p * r + splat(1.6666665459e-1f), p = p * r + splat(5.0000001201e-1f), p = p * r * r + r + splat(1.0f);
  vi bits = (n + 127) << 23;
  return p * (vfa)bits;
}

static inline vfa silu(vfa x) {
  const vfa most = splat(87.0f);
  vfa e = x > most ? most : x;
  e = e < -most ? -most : e;
  return x / (splat(1.0f) + exponential(-e));
}

static void norm_rows(const Norm& n, int64_t from, int64_t to) {
  int64_t whole = n.channels / L * L;
  for (int64_t row = from; row < to; row++) {
    const float* x = n.x + row * n.channels;
    float* y = n.y + row * n.channels;
    vfa squares = vfa{};
    for (int64_t c = 0; c < whole; c += L) squares += load(x + c) * load(x + c);
    float sum = across(squares)[0];
    for (int64_t c = whole; c < n.channels; c++) sum += x[c] * x[c];
    float root = __builtin_sqrtf(sum);
    vfa scale = splat(1.0f / (root > n.epsilon ? root : n.epsilon));
    for (int64_t c = 0; c < n.channels; c += L) {
      alignas(64) float t[2][L] = {};
      int64_t left = least(L, n.channels - c);
      const float *a = x + c, *g = n.gamma + c;
      if (left < L) {
        for (int64_t i = 0; i < left; i++) t[0][i] = a[i], t[1][i] = g[i];
        a = t[0], g = t[1];
      }
      vfa v = load(a) * scale * load(g);
      if (n.act) v = silu(v);
      if (left == L) {
        store(y + c, v);
      } else {
        store(t[0], v);
        for (int64_t i = 0; i < left; i++) y[c + i] = t[0][i];
      }
    }
  }
}
