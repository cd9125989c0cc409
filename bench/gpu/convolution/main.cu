// Checks Hopper's convolutions against the plain ones and against a product in float32, element by element, and times both, with
// what else a decoder's runs consist of, at the sizes of Wan's VAE decoding four frames of 720p. See ../README.md; made by build.sh.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "conv.h"
#include "mirror.cuh"

namespace videosdgx {

void check(cudaError_t e, const char* what) {
  if (e != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(e));
}
// conv is built with this in conv_hopper's place.
bool conv_never(const ConvArgs&, ONNXTensorElementDataType, cudaStream_t) { return false; }
bool conv_hopper(const ConvArgs& a, ONNXTensorElementDataType t, cudaStream_t s);

namespace {

__device__ float noise(uint64_t i, uint64_t seed) {
  uint64_t z = i * 0x9e3779b97f4a7c15ull + seed * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull, z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return float(int64_t(z >> 40)) / (1 << 23) - 1;
}
template <class T>
__global__ void fill(T* p, int64_t n, float scale, uint64_t seed) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) p[i] = T(noise(i, seed) * scale);
}

template <class T>
__global__ void naive(ConvArgs a, float* y) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, frame = int64_t(a.in[1]) * a.in[2] * a.channels;
  if (i >= int64_t(a.out[0]) * a.out[1] * a.out[2] * a.out_channels) return;
  const int o = i % a.out_channels, ow = i / a.out_channels % a.out[2], oh = i / a.out_channels / a.out[2] % a.out[1], ot = i / a.out_channels / a.out[2] / a.out[1];
  const T* w = static_cast<const T*>(a.weight) + int64_t(o) * a.kernel[0] * a.kernel[1] * a.kernel[2] * a.channels;
  float sum = a.bias[o];
  for (int kt = 0; kt < a.kernel[0]; kt++)
    for (int kh = 0; kh < a.kernel[1]; kh++)
      for (int kw = 0; kw < a.kernel[2]; kw++, w += a.channels) {
        int t = ot * a.stride[0] - a.pad[0] + kt, h = oh * a.stride[1] - a.pad[1] + kh, v = ow * a.stride[2] - a.pad[2] + kw;
        if (a.edge) t = min(max(t, 0), a.in[0] - 1);
        if (a.mirror) h = mirrored(h, a.in[1] << a.twice), v = mirrored(v, a.in[2] << a.twice);
        if (h < 0 || v < 0 || h >= a.in[1] << a.twice || v >= a.in[2] << a.twice || t < -a.past || t >= a.in[0]) continue;
        const T* from = t < 0 ? static_cast<const T*>(a.history) + (t + a.past) * frame : static_cast<const T*>(a.x) + t * frame;
        from += (int64_t(h >> a.twice) * a.in[2] + (v >> a.twice)) * a.channels;
        for (int c = 0; c < a.channels; c++) sum += float(from[c]) * float(w[c]);
      }
  sum *= a.scale;
  if (a.residual) sum += float(static_cast<const T*>(a.residual)[i]);
  y[i] = sum;
}

template <class T>
struct Array {
  T* p = nullptr;
  int64_t n;
  explicit Array(int64_t n, float scale = 0, uint64_t seed = 1) : n(n) {
    check(cudaMalloc(&p, std::max<int64_t>(n, 1) * sizeof(T)), "memory");
    fill<<<1024, 256>>>(p, n, scale, seed);
  }
  ~Array() { cudaFree(p); }
  Array(const Array&) = delete;
};

struct Shape {
  int t, h, w, c, o, kt, k, twice, past, residual, count;
  int around = 0;  // 1: frames are repeated at both ends and pictures mirrored, as in LTX-2's decoder
};

template <class T>
struct Problem {
  Shape s;
  ConvArgs a{};
  Array<T> x, weight, history, residual, y;
  Array<float> bias;
  int64_t out() const { return int64_t(s.t) * (s.h << s.twice) * (s.w << s.twice) * s.o; }
  double flop() const { return 2. * out() * s.c * s.kt * s.k * s.k; }
  explicit Problem(const Shape& s)
      : s(s), x(int64_t(s.t) * s.h * s.w * s.c, 1, 1), weight(int64_t(s.o) * s.kt * s.k * s.k * s.c, 2 / std::sqrt(float(s.kt * s.k * s.k * s.c)), 2),
        history(int64_t(s.past) * s.h * s.w * s.c, 1, 3), residual(s.residual ? out() : 0, 1, 4), y(out()), bias(s.o, 1, 5) {
    a.x = x.p, a.weight = weight.p, a.history = s.past ? history.p : nullptr, a.residual = s.residual ? residual.p : nullptr, a.bias = bias.p, a.y = y.p;
    const int in[] = {s.t, s.h, s.w}, kernel[] = {s.kt, s.k, s.k}, pad[] = {s.kt - 1, s.k / 2, s.k / 2};
    for (int i = 0; i < 3; i++) a.in[i] = in[i], a.out[i] = in[i] << (i ? s.twice : 0), a.kernel[i] = kernel[i], a.stride[i] = 1, a.pad[i] = pad[i];
    if (s.around) a.edge = a.mirror = 1, a.pad[0] = s.kt / 2, a.scale = 0.25f;
    a.channels = s.c, a.out_channels = s.o, a.past = s.past, a.twice = s.twice;
  }
};

// right checks Hopper's convolution, or the plain one.
template <class T>
bool right(const Shape& s, ONNXTensorElementDataType type, float unit, bool plain) {
  Problem<T> p(s);
  Array<float> want(p.out());
  naive<T><<<unsigned((p.out() + 255) / 256), 256>>>(p.a, want.p);
  fill<<<1024, 256>>>(p.y.p, p.out(), 100.f, 9);
  const bool taken = plain || conv_hopper(p.a, type, nullptr);
  if (plain) conv(p.a, type, nullptr);
  check(cudaDeviceSynchronize(), "convolution");
  std::vector<T> got(p.out());
  std::vector<float> ref(p.out());
  check(cudaMemcpy(got.data(), p.y.p, got.size() * sizeof(T), cudaMemcpyDeviceToHost), "result");
  check(cudaMemcpy(ref.data(), want.p, ref.size() * 4, cudaMemcpyDeviceToHost), "reference");
  double worst = 0;
  int64_t where = 0, wrong = 0;
  for (int64_t i = 0; i < p.out(); i++) {
    const double off = std::fabs(double(float(got[i])) - ref[i]) / (unit * std::fabs(ref[i]) + 1e-4);
    if (!(off <= 1)) wrong++;
    if (!(off <= worst)) worst = off, where = i;
  }
  const bool ok = taken && wrong == 0;
  std::printf("%s%s %dx%dx%d %d to %d, kernel %dx%dx%d%s%s past %d%s %s: worst %.2f of the rounding", ok ? "right" : "WRONG", plain ? " plain" : "", s.t, s.h, s.w, s.c, s.o, s.kt, s.k, s.k,
              s.twice ? " twice" : "", s.around ? " mirrored" : "", s.past, s.residual ? " residual" : "", type == kHalf ? "fp16" : "bf16", worst);
  if (!ok) std::printf(" at %ld (%g for %g), %ld of %ld wrong%s", long(where), double(float(got[where])), ref[where], long(wrong), long(p.out()), taken ? "" : ", not taken");
  std::printf("\n");
  std::fflush(stdout);
  return ok;
}

// normed checks the norm over so many channels.
bool normed(int channels) {
  constexpr int positions = 1000;
  Array<__half> x(int64_t(positions) * channels, 3, 11), y(x.n);
  Array<float> gamma(channels, 12, 12);
  last_norm(x.p, gamma.p, y.p, positions, channels, 1e-12f, 0, true, kHalf, nullptr);
  std::vector<__half> from(x.n), got(x.n);
  std::vector<float> g(channels);
  check(cudaMemcpy(from.data(), x.p, x.n * 2, cudaMemcpyDeviceToHost), "norm");
  check(cudaMemcpy(got.data(), y.p, x.n * 2, cudaMemcpyDeviceToHost), "norm");
  check(cudaMemcpy(g.data(), gamma.p, channels * 4, cudaMemcpyDeviceToHost), "norm");
  int64_t wrong = 0;
  for (int64_t i = 0; i < positions; i++) {
    double square = 0;
    for (int c = 0; c < channels; c++) square += double(float(from[i * channels + c])) * float(from[i * channels + c]);
    for (int c = 0; c < channels; c++) {
      const double v = float(from[i * channels + c]) / std::sqrt(square) * g[c], want = v / (1 + std::exp(-v));
      if (!(std::fabs(float(got[i * channels + c]) - want) <= 6e-4 * std::fabs(want) + 1e-6)) wrong++;
    }
  }
  std::printf("%s norm of %d channels%s\n", wrong ? "WRONG" : "right", channels, wrong ? ": many values are off" : "");
  return wrong == 0;
}

template <class F>
float milliseconds(int rounds, F f) {
  cudaEvent_t from, to;
  cudaEventCreate(&from), cudaEventCreate(&to);
  f();
  std::vector<float> all(rounds);
  for (float& ms : all) {
    cudaEventRecord(from), f(), cudaEventRecord(to);
    check(cudaEventSynchronize(to), "timing");
    cudaEventElapsedTime(&ms, from, to);
  }
  std::nth_element(all.begin(), all.begin() + rounds / 2, all.end());
  return all[rounds / 2];
}

// timed times convolutions that something has, each so many times.
void timed(const char* of, const Shape* sizes, size_t n, bool old) {
  double before = 0, now = 0;
  for (const Shape* at = sizes; at != sizes + n; at++) {
    const Shape& s = *at;
    Problem<__half> p(s);
    const float plain = old ? milliseconds(3, [&] { conv(p.a, kHalf, nullptr); }) : 0, fast = milliseconds(7, [&] { conv_hopper(p.a, kHalf, nullptr); });
    before += plain * s.count, now += fast * s.count;
    std::printf("%dx%dx%d %d to %d, kernel %dx%dx%d%s%s, %d times: %.3f ms (%.0f TFLOP/s), before %.3f (%.0f)\n", s.t, s.h << s.twice, s.w << s.twice, s.c, s.o, s.kt, s.k, s.k,
                s.twice ? " twice" : "", s.around ? " mirrored" : "", s.count, fast, p.flop() / fast / 1e9, plain, p.flop() / plain / 1e9);
    std::fflush(stdout);
  }
  std::printf("convolutions of %s: %.2f ms, before %.2f\n", of, now, before);
}

int run(bool old) {
  const Shape small[] = {
      {1, 16, 32, 96, 96, 1, 3, 0, 0, 0, 0},   {2, 17, 35, 96, 96, 3, 3, 0, 2, 1, 0},   {2, 16, 16, 192, 192, 3, 3, 0, 2, 1, 0}, {3, 7, 9, 32, 384, 3, 3, 0, 1, 0, 0},
      {2, 10, 13, 384, 192, 1, 3, 1, 0, 0, 0}, {2, 9, 11, 384, 768, 3, 1, 0, 2, 0, 0},  {2, 20, 20, 192, 384, 1, 1, 0, 0, 1, 0}, {4, 33, 41, 96, 3, 3, 3, 0, 2, 0, 0},
      {1, 19, 50, 64, 104, 3, 3, 0, 0, 1, 0},  {2, 31, 25, 128, 128, 3, 3, 0, 2, 1, 0}, {1, 40, 40, 256, 512, 3, 3, 0, 2, 0, 0}, {5, 50, 90, 160, 96, 3, 3, 1, 2, 1, 0},
      {2, 40, 90, 96, 192, 3, 1, 0, 2, 1, 0},  {1, 3, 3, 64, 5, 1, 1, 0, 0, 1, 0},     {3, 17, 26, 128, 128, 3, 3, 0, 0, 1, 0, 1},
      {1, 4, 6, 64, 104, 3, 3, 0, 0, 0, 0, 1}, {2, 2, 2, 32, 256, 3, 3, 0, 0, 1, 0, 1}, {5, 32, 48, 256, 1024, 3, 3, 0, 0, 0, 0, 1}};
  bool ok = true;
  for (const Shape& s : small)
    for (bool plain : {false, true}) ok &= right<__half>(s, kHalf, 6e-4f, plain), ok &= right<__nv_bfloat16>(s, kBFloat16, 4.5e-3f, plain);
  for (int channels : {8, 24, 32, 64, 96, 128, 160, 192, 256, 384, 1024}) ok &= normed(channels);
  std::printf(ok ? "all right\n" : "SOME ARE WRONG\n");
  std::fflush(stdout);
  // 384 channels at 90×160, and so on: one run of the decoder, four frames, with how often it has each.
  const Shape sizes[] = {{4, 720, 1280, 96, 96, 3, 3, 0, 2, 1, 6},  {4, 360, 640, 192, 192, 3, 3, 0, 2, 1, 6}, {2, 180, 320, 384, 384, 3, 3, 0, 2, 1, 5},
                         {4, 360, 640, 192, 96, 1, 3, 1, 0, 0, 1},  {4, 180, 320, 384, 192, 1, 3, 1, 0, 0, 1}, {1, 90, 160, 384, 384, 3, 3, 0, 2, 1, 10},
                         {2, 180, 320, 192, 384, 3, 3, 0, 2, 0, 1}, {2, 180, 320, 384, 768, 3, 1, 0, 2, 0, 1}, {2, 90, 160, 384, 192, 1, 3, 1, 0, 0, 1},
                         {2, 180, 320, 192, 384, 1, 1, 0, 0, 0, 1}, {1, 90, 160, 384, 1152, 1, 1, 0, 0, 0, 1}, {4, 720, 1280, 96, 3, 3, 3, 0, 2, 0, 1}};
  // LTX-2's decoder at 768×512×121, all of it.
  const Shape around[] = {{16, 16, 24, 1024, 1024, 3, 3, 0, 0, 1, 10, 1}, {16, 16, 24, 1024, 4096, 3, 3, 0, 0, 0, 1, 1},   {31, 32, 48, 512, 512, 3, 3, 0, 0, 1, 10, 1},
                          {31, 32, 48, 512, 2048, 3, 3, 0, 0, 0, 1, 1},   {61, 64, 96, 256, 256, 3, 3, 0, 0, 1, 10, 1},    {61, 64, 96, 256, 1024, 3, 3, 0, 0, 0, 1, 1},
                          {121, 128, 192, 128, 128, 3, 3, 0, 0, 1, 10, 1}, {16, 16, 24, 128, 1024, 3, 3, 0, 0, 0, 1, 1}};
  timed("a run", sizes, std::size(sizes), old);
  timed("a clip of LTX-2", around, std::size(around), old);
  for (const Shape& s : {sizes[0], sizes[1], sizes[2], sizes[5]}) {
    Problem<__half> p(s);
    Array<float> gamma(s.c, 1, 7);
    const double bytes = 2. * p.out() * s.c / s.o;
    const float norm = milliseconds(7, [&] { last_norm(p.x.p, gamma.p, p.y.p, p.out() / s.o, s.c, 1e-12f, 0, true, kHalf, nullptr); });
    const float kept = milliseconds(7, [&] { carry(p.a, 2, p.history.p, kHalf, nullptr); });
    std::printf("%dx%dx%d %d: norm %.3f ms (%.0f GB/s), carry %.3f ms (%.0f GB/s)\n", s.t, s.h, s.w, s.c, norm, 2 * bytes / norm / 1e6, kept, 2 * bytes / s.t * std::min(2, s.t) / kept / 1e6);
  }
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace videosdgx

int main(int argc, char**) {
  try {
    return videosdgx::run(argc < 2);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
