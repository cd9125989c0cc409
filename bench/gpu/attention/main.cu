// attention checks and times the kernels of functions/inference/kernels/cuda/attention.h by themselves, on one Hopper GPU.
//   attention check VARIANT BATCH HEADS QUERIES KEYS HEAD bf16|f16 [KIND]   error of every query beside float32's; 1 where it is too large
//   attention error VARIANT BATCH HEADS QUERIES KEYS HEAD bf16|f16 [KIND]   the same of 64 queries
//   attention time  VARIANT BATCH HEADS QUERIES KEYS HEAD bf16|f16          median of 60 runs, TFLOP/s
// KIND of values: normal; wan, as its queries and keys may be after RMS norm (channels differ in size and mean); negative, every score
// below 0; rising, the keys that are seen first have scores far below the others'; nothing, queries and keys of 0 and a
// scale of 1e-30: every key counts as much as the others, and what lies behind the last one not at all.
// VARIANT is exact or int8, as the library has them, or one of the tiles that variants() lists.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>

#include "attention_codes.h"
#include "attention_launch.cuh"

using namespace videosdgx;
using namespace videosdgx::attention_parts;

namespace videosdgx {
const OrtApi& api() { std::abort(); }  // nothing here calls ONNX Runtime
}  // namespace videosdgx

namespace {

constexpr float kLog2E = 1.4426950408889634f;

using Run = std::function<void(const AttentionArgs&, ONNXTensorElementDataType, cudaStream_t)>;

template <class Tile>
void run_tile(AttentionArgs a, ONNXTensorElementDataType t, cudaStream_t s) {
  if (t != kBFloat16 || a.head != Tile::head) throw std::runtime_error("the tiles by name are of BF16 and one size of heads");
  AttentionShape shape{int(a.q_tokens), int(a.k_tokens), int(a.heads), a.scale * kLog2E, nullptr, nullptr};
  if constexpr (!Tile::codes) {
    launch<Tile>(a, a.q, a.k, shape, a.workspace, s);
  } else {
    const ScoreCodes c = score_codes(a, Tile::keys);
    make_score_codes(a, t, c, Tile::keys, s);
    shape.q_scales = c.q_scales, shape.k_scales = c.k_scales;
    launch<Tile>(a, packed_heads(c.q, a.q_tokens, a.heads, a.head), packed_heads(c.k, a.k_tokens, a.heads, a.head), shape, static_cast<char*>(a.workspace) + c.bytes, s);
  }
}

template <int keys, int stages, bool codes, int blocks = 1, bool turns = true>
std::pair<const std::string, Run> tile() {
  const std::string name = (codes ? "c" : "e") + std::to_string(keys) + "x" + std::to_string(stages) + "b" + std::to_string(blocks) + (turns ? "" : "n");
  return {name, run_tile<AttentionTile<__nv_bfloat16, 128, keys, stages, codes, blocks, turns>>};
}

const std::map<std::string, Run>& variants() {
  static const std::map<std::string, Run> all{
      {"exact", attention}, {"int8", [](AttentionArgs a, ONNXTensorElementDataType t, cudaStream_t s) { a.scores = Scores::int8; attention(a, t, s); }},
      tile<128, 2, false, 1>(), tile<128, 2, false, 2>(), tile<144, 2, false, 2>(), tile<160, 2, true, 1>(), tile<160, 2, true, 2>(),
      tile<160, 2, true, 2, false>(),
  };
  return all;
}

struct Case {
  int64_t batch, heads, q_tokens, k_tokens, head;
  ONNXTensorElementDataType type;
  const char* kind;
  int64_t q_elements() const { return batch * q_tokens * heads * head; }
  int64_t k_elements() const { return batch * k_tokens * heads * head; }
};

__device__ __host__ inline uint32_t mixed(uint32_t x) {
  x ^= x >> 16, x *= 0x7feb352du, x ^= x >> 15, x *= 0x846ca68bu, x ^= x >> 16;
  return x;
}
__device__ inline float normal(uint32_t i, uint32_t seed) {
  const float u = (mixed(i * 2 + seed * 0x9e3779b9u) + 1.0f) / 4294967808.0f, v = mixed(i * 2 + 1 + seed * 0x85ebca6bu) / 4294967296.0f;
  return sqrtf(-2 * logf(u)) * cosf(6.2831853f * v);
}

// fill makes normally distributed values; in the manner of Wan's queries and keys after RMS norm where spread is given: channels differ in
// size (a log-normal weight) and have a mean of their own. A sign is that of all.
template <class T>
__global__ void fill(T* to, int64_t n, int width, uint32_t seed, float spread, float mean, float sign = 0, int64_t turn = 0) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
    const uint32_t channel = i % width;
    const float x = (normal(uint32_t(i), seed) + mean * normal(channel, seed + 100)) * expf(spread * normal(channel, seed + 200)) / sqrtf(1 + mean * mean);
    to[i] = T(sign == 0 ? x : i / width % (2 * turn + 1) < turn ? -sign * fabsf(x) : sign * fabsf(x));
  }
}

// reference is attention in float32 of the query blockIdx.x · step, a block for each.
template <class T>
__global__ void reference(const T* q, const T* k, const T* v, float* out, Case c, int64_t step, float scale) {
  extern __shared__ float p[];
  __shared__ float shared[32];
  const int64_t head = blockIdx.y, batch = blockIdx.z, width = c.heads * c.head, token = blockIdx.x * step;
  const T* query = q + (batch * c.q_tokens + token) * width + head * c.head;
  const T* keys = k + batch * c.k_tokens * width + head * c.head;
  const T* values = v + batch * c.k_tokens * width + head * c.head;
  const auto all = [&](float x, auto join) {
    __syncthreads();
    for (int o = 16; o; o >>= 1) x = join(x, __shfl_xor_sync(~0u, x, o));
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    x = shared[0];
    for (int i = 1; i < blockDim.x / 32; i++) x = join(x, shared[i]);
    return x;
  };
  float most = -INFINITY;
  for (int64_t j = threadIdx.x; j < c.k_tokens; j += blockDim.x) {
    float sum = 0;
    for (int d = 0; d < c.head; d++) sum += float(query[d]) * float(keys[j * width + d]);
    p[j] = sum * scale;
    most = fmaxf(most, p[j]);
  }
  most = all(most, [](float a, float b) { return fmaxf(a, b); });
  float sum = 0;
  for (int64_t j = threadIdx.x; j < c.k_tokens; j += blockDim.x) sum += p[j] = expf(p[j] - most);
  sum = all(sum, [](float a, float b) { return a + b; });
  __shared__ float parts[2][128];
  const int d = threadIdx.x % 128, half = threadIdx.x / 128;
  float o = 0;
  if (d < c.head)
    for (int64_t j = half; j < c.k_tokens; j += 2) o += p[j] * float(values[j * width + d]);
  parts[half][d] = o;
  __syncthreads();
  if (threadIdx.x < c.head) out[((batch * gridDim.x + blockIdx.x) * c.heads + head) * c.head + threadIdx.x] = (parts[0][d] + parts[1][d]) / sum;
}

template <class T>
T* allocate(int64_t n) {
  void* p;
  check(cudaMalloc(&p, n * sizeof(T) + 256), "memory");
  check(cudaMemset(p, 0xff, n * sizeof(T) + 256), "memory");
  return static_cast<T*>(p);
}

template <class T>
struct Data {
  T *q, *k, *v, *out;
  AttentionArgs args{};
  explicit Data(const Case& c) {
    q = allocate<T>(c.q_elements()), k = allocate<T>(c.k_elements()), v = allocate<T>(c.k_elements()), out = allocate<T>(c.q_elements());
    const int width = int(c.heads * c.head);
    const std::string kind = c.kind;
    const bool wan = kind == "wan", rising = kind == "rising";
    const float sign = kind == "negative" ? 1 : rising ? 3 : 0;
    fill<<<1024, 256>>>(q, c.q_elements(), width, 1, wan ? 0.5f : 0, wan ? 0.5f : 0, sign != 0);
    fill<<<1024, 256>>>(k, c.k_elements(), width, 2, wan ? 0.5f : 0, wan ? 1.0f : 0, -sign, rising ? c.k_tokens / 2 : 0);
    fill<<<1024, 256>>>(v, c.k_elements(), width, 3, 0, 0);
    args.q = packed_heads(q, c.q_tokens, c.heads, c.head), args.k = packed_heads(k, c.k_tokens, c.heads, c.head);
    args.v = packed_heads(v, c.k_tokens, c.heads, c.head), args.out = packed_heads(out, c.q_tokens, c.heads, c.head);
    args.batch = c.batch, args.q_tokens = c.q_tokens, args.k_tokens = c.k_tokens, args.heads = c.heads, args.head = c.head;
    args.scale = 1 / std::sqrt(float(c.head));
    if (kind == "nothing") {
      check(cudaMemset(q, 0, c.q_elements() * sizeof(T)), "queries");
      check(cudaMemset(k, 0, c.k_elements() * sizeof(T)), "keys");
      args.scale = 1e-30f;
    }
    args.scores = Scores::int8;
    args.workspace = allocate<uint8_t>(score_codes(args, 16).bytes + (64 << 20));  // enough for any tile
    args.scores = Scores::exact;
    check(cudaDeviceSynchronize(), "data");
  }
};

template <class T>
int compare(const Run& run, const Case& c, int64_t queries, double most_allowed) {
  Data<T> d(c);
  run(d.args, c.type, nullptr);
  check(cudaDeviceSynchronize(), "attention");
  const int64_t step = c.q_tokens / queries, width = c.heads * c.head;
  float* want = allocate<float>(c.batch * queries * width);
  const int bytes = int(c.k_tokens * 4);
  check(cudaFuncSetAttribute(reference<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "reference");
  reference<T><<<dim3(queries, c.heads, c.batch), 256, bytes>>>(d.q, d.k, d.v, want, c, step, d.args.scale);
  check(cudaDeviceSynchronize(), "reference");
  std::vector<float> w(c.batch * queries * width);
  std::vector<T> got(c.q_elements());
  check(cudaMemcpy(w.data(), want, w.size() * 4, cudaMemcpyDeviceToHost), "copy");
  check(cudaMemcpy(got.data(), d.out, got.size() * sizeof(T), cudaMemcpyDeviceToHost), "copy");
  double square = 0, of = 0, worst = 0, largest = 0, most = 0;
  int64_t worst_at = 0;
  for (int64_t b = 0, i = 0; b < c.batch; b++)
    for (int64_t r = 0; r < queries; r++) {
      double row = 0, row_of = 0;
      for (int64_t e = 0; e < width; e++, i++) {
        const double g = float(got[(b * c.q_tokens + r * step) * width + e]), off = std::abs(g - w[i]);
        row += off * off, row_of += double(w[i]) * w[i], largest = std::max(largest, double(std::abs(w[i])));
        if (!(off <= most)) most = off, worst_at = i;
      }
      square += row, of += row_of, worst = std::max(worst, std::sqrt(row / row_of));
    }
  const double relative = std::sqrt(square / of);
  const bool right = relative <= most_allowed && worst <= 4 * most_allowed;
  std::printf("%s relative error %.5f, worst query %.5f, worst element %.5f of %.4f (batch %ld query %ld head %ld element %ld: %.5f, want %.5f)\n",
              right ? "right" : "WRONG", relative, worst, most, largest, long(worst_at / (queries * width)), long(worst_at / width % queries * step),
              long(worst_at % width / c.head), long(worst_at % c.head),
              float(got[(worst_at / (queries * width) * c.q_tokens + worst_at / width % queries * step) * width + worst_at % width]), w[worst_at]);
  return right ? 0 : 1;
}

// clocks notes the cycle counter of every multiprocessor; a block has one for itself.
__global__ void clocks(long long* of) {
  uint32_t sm;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(sm));
  of[sm] = clock64();
}

// Clock measures how fast the card runs between two points of a stream.
struct Clock {
  static constexpr int most = 1024, shared = 200 << 10;
  long long* at[2] = {allocate<long long>(most), allocate<long long>(most)};
  void note(int i) {
    int sms = 0;
    check(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0), "multiprocessors");
    check(cudaFuncSetAttribute(clocks, cudaFuncAttributeMaxDynamicSharedMemorySize, shared), "clocks");
    clocks<<<sms, 1, shared>>>(at[i]);
  }
  double cycles() const {
    std::vector<long long> a(most), b(most);
    check(cudaMemcpy(a.data(), at[0], most * 8, cudaMemcpyDeviceToHost), "copy");
    check(cudaMemcpy(b.data(), at[1], most * 8, cudaMemcpyDeviceToHost), "copy");
    std::vector<double> all;
    for (int i = 0; i < most; i++)
      if (a[i] != -1 && b[i] != -1) all.push_back(double(b[i] - a[i]));
    std::sort(all.begin(), all.end());
    return all.empty() ? 0 : all[all.size() / 2];
  }
};

template <class T>
int time(const Run& run, const Case& c) {
  Data<T> d(c);
  std::vector<cudaEvent_t> at(61);
  for (auto& e : at) check(cudaEventCreate(&e), "event");
  for (int i = 0; i < 3; i++) run(d.args, c.type, nullptr);
  Clock clock;
  clock.note(0);
  for (size_t i = 0; i < at.size(); i++) {
    check(cudaEventRecord(at[i], nullptr), "event");
    if (i + 1 < at.size()) run(d.args, c.type, nullptr);
  }
  clock.note(1);
  check(cudaDeviceSynchronize(), "attention");
  std::vector<float> ms(60);
  for (size_t i = 0; i < ms.size(); i++) check(cudaEventElapsedTime(&ms[i], at[i], at[i + 1]), "time");
  float total = 0;
  for (const float m : ms) total += m;
  std::sort(ms.begin(), ms.end());
  std::printf("%.3f ms (%.3f to %.3f), %.1f TFLOP/s, %.2f GHz\n", ms[30], ms[0], ms[59], 4e-9 * c.batch * c.heads * c.q_tokens * c.k_tokens * c.head / ms[30],
              clock.cycles() / total / 1e6);
  return 0;
}

template <class T>
int act(const std::string& what, const Run& run, const Case& c, double most) {
  if (what == "time") return time<T>(run, c);
  return compare<T>(run, c, what == "check" ? c.q_tokens : std::min<int64_t>(64, c.q_tokens), most);
}

int run(int argc, char** argv) {
  if (argc < 9) throw std::runtime_error("attention check|error|time VARIANT BATCH HEADS QUERIES KEYS HEAD bf16|f16 [KIND]");
  const std::string what = argv[1], variant = argv[2], type = argv[8];
  const auto found = variants().find(variant);
  if (found == variants().end()) throw std::runtime_error("no variant " + variant);
  const Case c{atoll(argv[3]), atoll(argv[4]), atoll(argv[5]), atoll(argv[6]), atoll(argv[7]), type == "f16" ? kHalf : kBFloat16, argc > 9 ? argv[9] : "normal"};
  const std::string kind = c.kind;
  if (kind != "normal" && kind != "wan" && kind != "negative" && kind != "rising" && kind != "nothing") throw std::runtime_error("no kind " + kind);
  std::printf("%s %-7s %ld×%ld heads, %5ld queries, %5ld keys, %3ld, %s%s: ", what.c_str(), variant.c_str(), long(c.batch), long(c.heads), long(c.q_tokens),
              long(c.k_tokens), long(c.head), type.c_str(), kind == "normal" ? "" : (", " + kind).c_str());
  std::fflush(stdout);
  const bool codes = variant == "int8" || variant[0] == 'c';
  const double most = codes ? 0.05 : type == "f16" ? 0.001 : 0.006;
  return type == "f16" ? act<__half>(what, found->second, c, most) : act<__nv_bfloat16>(what, found->second, c, most);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::printf("%s\n", e.what());
    return 1;
  }
}
