#include "op.h"

namespace videosdgx {

void check(OrtStatus* s) {
  if (!s) return;
  std::string what = api().GetErrorMessage(s);
  api().ReleaseStatus(s);
  throw std::runtime_error(what);
}

void check(cudaError_t e, const char* what) {
  if (e != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(e));
}

std::string Info::name() const {
  size_t n = 0;
  check(api().KernelInfo_GetNodeName(info_, nullptr, &n));
  std::string s(n, '\0');
  check(api().KernelInfo_GetNodeName(info_, s.data(), &n));
  while (!s.empty() && s.back() == '\0') s.pop_back();
  return s;
}

// An attribute that is absent is told by an error status alone.
static bool present(OrtStatus* s) {
  if (s) api().ReleaseStatus(s);
  return s == nullptr;
}

int64_t Info::integer(const char* attr, int64_t otherwise) const {
  int64_t v;
  return present(api().KernelInfoGetAttribute_int64(info_, attr, &v)) ? v : otherwise;
}

float Info::real(const char* attr, float otherwise) const {
  float v;
  return present(api().KernelInfoGetAttribute_float(info_, attr, &v)) ? v : otherwise;
}

std::string Info::text(const char* attr, const char* otherwise) const {
  size_t n = 0;
  if (!present(api().KernelInfoGetAttribute_string(info_, attr, nullptr, &n))) return otherwise;
  std::string s(n, '\0');
  check(api().KernelInfoGetAttribute_string(info_, attr, s.data(), &n));
  while (!s.empty() && s.back() == '\0') s.pop_back();
  return s;
}

bool Info::constant(size_t input) const {
  size_t n;
  int is = 0;
  const OrtValue* v = nullptr;
  check(api().KernelInfo_GetInputCount(info_, &n));
  return input < n && present(api().KernelInfoGetConstantInput_tensor(info_, input, &is, &v)) && is && v;
}

int64_t Tensor::elements() const {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

static Tensor describe(const OrtValue* v) {
  Tensor t;
  if (!v) return t;
  t.value = v;
  OrtTensorTypeAndShapeInfo* info;
  check(api().GetTensorTypeAndShape(v, &info));
  size_t rank;
  OrtStatus* s = api().GetDimensionsCount(info, &rank);
  if (!s) {
    t.dims.resize(rank);
    s = api().GetDimensions(info, t.dims.data(), rank);
  }
  if (!s) s = api().GetTensorElementType(info, &t.type);
  api().ReleaseTensorTypeAndShapeInfo(info);
  check(s);
  check(api().GetTensorMutableData(const_cast<OrtValue*>(v), &t.data));
  return t;
}

Tensor Call::in(size_t i) const {
  size_t n;
  check(api().KernelContext_GetInputCount(context_, &n));
  const OrtValue* v = nullptr;
  if (i < n) check(api().KernelContext_GetInput(context_, i, &v));
  return describe(v);
}

Tensor Call::out(size_t i, const std::vector<int64_t>& dims) const {
  OrtValue* v;
  check(api().KernelContext_GetOutput(context_, i, dims.data(), dims.size(), &v));
  return describe(v);
}

cudaStream_t Call::stream() const {
  void* s;
  check(api().KernelContext_GetGPUComputeStream(context_, &s));
  return static_cast<cudaStream_t>(s);
}

Scratch::Scratch(const Call& c, size_t bytes) {
  if (!bytes) return;
  int device;
  check(cudaGetDevice(&device), "current device");
  OrtMemoryInfo* info;
  check(api().CreateMemoryInfo("Cuda", OrtArenaAllocator, device, OrtMemTypeDefault, &info));
  OrtStatus* s = api().KernelContext_GetAllocator(c.context(), info, &allocator_);
  if (!s) s = api().KernelContext_GetScratchBuffer(c.context(), info, bytes, &data_);  // unlike the allocator, it knows the stream
  api().ReleaseMemoryInfo(info);
  if (!s && data_) return;
  if (allocator_) api().ReleaseAllocator(allocator_);
  std::string why = s ? api().GetErrorMessage(s) : "none is left";
  if (s) api().ReleaseStatus(s);
  throw std::runtime_error("out of memory on the device: " + std::to_string(bytes >> 20) + " MiB of work space were asked for (" + why + ")");
}

Scratch::~Scratch() {
  if (!allocator_) return;
  allocator_->Free(allocator_, data_);
  api().ReleaseAllocator(allocator_);
}

}  // namespace videosdgx
