#include "lt.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace videosdgx {
namespace {

// Library is cuBLASLt's functions, by the names that its header declares.
struct Library {
#define VDX_LT(f) decltype(&::f) f = nullptr;
#define VDX_LT_ALL(X)                                                                                            \
  X(cublasLtCreate) X(cublasLtMatmul) X(cublasLtMatmulDescCreate) X(cublasLtMatmulDescDestroy)                   \
  X(cublasLtMatmulDescSetAttribute) X(cublasLtMatrixLayoutCreate) X(cublasLtMatrixLayoutDestroy)                 \
  X(cublasLtMatmulPreferenceCreate) X(cublasLtMatmulPreferenceDestroy) X(cublasLtMatmulPreferenceSetAttribute)   \
  X(cublasLtMatmulAlgoGetHeuristic) X(cublasLtGetStatusString)
  VDX_LT_ALL(VDX_LT)
#undef VDX_LT

  Library() {
    void* h = nullptr;
    for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12"})
      if ((h = dlopen(name, RTLD_NOW | RTLD_LOCAL))) break;
    if (!h) throw std::runtime_error("cuBLASLt cannot be loaded (" + std::string(dlerror()) + "); run make setup-gpu");
#define VDX_LT(f)                                                                                 \
  f = reinterpret_cast<decltype(f)>(dlsym(h, #f));                                                \
  if (!f) throw std::runtime_error("the cuBLASLt that is loaded has no " #f "; run make setup-gpu");
    VDX_LT_ALL(VDX_LT)
#undef VDX_LT
  }
};

const Library& lib() {
  static const Library l;
  return l;
}

void lt(cublasStatus_t s, const char* what) {
  if (s != CUBLAS_STATUS_SUCCESS) throw std::runtime_error(std::string("cuBLASLt, ") + what + ": " + lib().cublasLtGetStatusString(s));
}

int device() {
  int d;
  check(cudaGetDevice(&d), "current device");
  return d;
}

cublasLtHandle_t handle() {
  static std::mutex mu;
  static std::map<int, cublasLtHandle_t> by_device;
  std::lock_guard<std::mutex> lock(mu);
  cublasLtHandle_t& h = by_device[device()];
  if (!h) lt(lib().cublasLtCreate(&h), "create");
  return h;
}

// Described is a product in cuBLASLt's terms. It thinks in columns: Dᵀ[n, m] = W[n, k] · Xᵀ[k, m].
class Described {
 public:
  explicit Described(const Product& p) {
    lt(lib().cublasLtMatmulDescCreate(&op, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describe");
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue(p));
    if (p.bias) {
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, p.out);
    }
    if (p.in == CUDA_R_8F_E4M3) set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, int8_t{1});
    if (p.scaled) {
      set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, int32_t{CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F});
      set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, int32_t{CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F});
      set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, static_cast<const void*>(p.w_scale));
      set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, static_cast<const void*>(p.x_scale));
    }
    lt(lib().cublasLtMatrixLayoutCreate(&w, p.in, p.k, p.n, p.k), "layout of W");
    lt(lib().cublasLtMatrixLayoutCreate(&x, p.in, p.k, p.m, p.k), "layout of X");
    lt(lib().cublasLtMatrixLayoutCreate(&d, p.out, p.n, p.m, p.ldd ? p.ldd : p.n), "layout of D");
  }
  ~Described() {
    if (d) lib().cublasLtMatrixLayoutDestroy(d);
    if (x) lib().cublasLtMatrixLayoutDestroy(x);
    if (w) lib().cublasLtMatrixLayoutDestroy(w);
    if (op) lib().cublasLtMatmulDescDestroy(op);
  }
  Described(const Described&) = delete;

  cublasLtMatmulDesc_t op = nullptr;
  cublasLtMatrixLayout_t w = nullptr, x = nullptr, d = nullptr;

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t a, T v) {
    lt(lib().cublasLtMatmulDescSetAttribute(op, a, &v, sizeof v), "attribute");
  }
  static cublasLtEpilogue_t epilogue(const Product& p) {
    if (p.gelu) return p.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    return p.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  }
};

std::vector<cublasLtMatmulHeuristicResult_t> candidates(const Described& t, int most) {
  cublasLtMatmulPreference_t pref;
  lt(lib().cublasLtMatmulPreferenceCreate(&pref), "preference");
  std::unique_ptr<std::remove_pointer_t<cublasLtMatmulPreference_t>, decltype(lib().cublasLtMatmulPreferenceDestroy)> own(
      pref, lib().cublasLtMatmulPreferenceDestroy);
  size_t bytes = kWorkspace;
  lt(lib().cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes), "work space");
  std::vector<cublasLtMatmulHeuristicResult_t> found(most);
  int n = 0;
  lt(lib().cublasLtMatmulAlgoGetHeuristic(handle(), t.op, t.w, t.x, t.d, t.d, pref, most, found.data(), &n), "no algorithm for this product");
  if (!n) throw std::runtime_error("cuBLASLt has no algorithm for this product");
  found.resize(n);
  return found;
}

void launch(const Described& t, const Product& p, const cublasLtMatmulAlgo_t& algo, void* work, cudaStream_t stream) {
  const float one = 1, zero = 0;
  lt(lib().cublasLtMatmul(handle(), t.op, &one, p.w, t.w, p.x, t.x, &zero, p.d, t.d, p.d, t.d, &algo, work, kWorkspace, stream), "product");
}

// fastest runs each candidate on the real operands. The last run leaves D as any other would.
cublasLtMatmulAlgo_t fastest(const Described& t, const Product& p, const std::vector<cublasLtMatmulHeuristicResult_t>& all, void* work, cudaStream_t s) {
  cudaEvent_t from, to;
  check(cudaEventCreate(&from), "event");
  check(cudaEventCreate(&to), "event");
  float best = 1e30f;
  cublasLtMatmulAlgo_t pick = all[0].algo;
  for (const auto& a : all) {
    launch(t, p, a.algo, work, s);
    check(cudaEventRecord(from, s), "event");
    launch(t, p, a.algo, work, s);
    check(cudaEventRecord(to, s), "event");
    check(cudaEventSynchronize(to), "trial of an algorithm");
    float ms;
    check(cudaEventElapsedTime(&ms, from, to), "event");
    if (ms < best) best = ms, pick = a.algo;
  }
  cudaEventDestroy(from);
  cudaEventDestroy(to);
  return pick;
}

// trials is how many algorithms are tried for a product of some size; the others take the library's first guess.
int trials(const Product& p) {
  static const int wanted = [] {
    const char* v = std::getenv("VIDEOSDGX_GEMM_TRIALS");
    return v ? std::max(1, std::atoi(v)) : 6;
  }();
  return double(p.m) * p.n * p.k > 1e10 ? wanted : 1;
}

bool capturing(cudaStream_t s) {
  cudaStreamCaptureStatus st;
  return cudaStreamIsCapturing(s, &st) == cudaSuccess && st != cudaStreamCaptureStatusNone;
}

cublasLtMatmulAlgo_t choose(const Described& t, const Product& p, void* work, cudaStream_t s) {
  using Key = std::tuple<int, int64_t, int64_t, int64_t, int64_t, int, int, int>;
  static std::mutex mu;
  static std::map<Key, cublasLtMatmulAlgo_t> known;
  Key key{device(), p.m, p.n, p.k, p.ldd, p.in, p.out, (p.bias ? 1 : 0) | (p.gelu ? 2 : 0) | (p.scaled ? 4 : 0)};
  std::lock_guard<std::mutex> lock(mu);
  auto at = known.find(key);
  if (at != known.end()) return at->second;
  auto all = candidates(t, capturing(s) ? 1 : trials(p));
  cublasLtMatmulAlgo_t pick = all.size() > 1 ? fastest(t, p, all, work, s) : all[0].algo;
  known.emplace(key, pick);
  return pick;
}

}  // namespace

void multiply(const Call& c, const Product& p) {
  if (!p.m || !p.n) return;
  Described t(p);
  Scratch work(c, kWorkspace);
  cudaStream_t s = c.stream();
  launch(t, p, choose(t, p, work.as<void>(), s), work.as<void>(), s);
}

int capability() {
  int major, minor;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device()), "capability");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device()), "capability");
  return 10 * major + minor;
}

bool scales_rows() { return capability() == 90; }

}  // namespace videosdgx
