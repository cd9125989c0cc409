// Custom operators of ONNX Runtime over its C API: what every operator here shares. An operator is a struct with
//   static constexpr const char* name; static std::vector<Io> inputs(), outputs();
//   explicit Kernel(const Info&); void run(Call&);
// Whatever it throws becomes the status of the session's creation or of the run, with the node's name in front.
#pragma once
#include <cuda_runtime.h>
#include <stdint.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "onnxruntime_c_api.h"

namespace videosdgx {

constexpr const char* kDomain = "ai.videosdgx";
constexpr auto kFloat = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
constexpr auto kHalf = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
constexpr auto kBFloat16 = ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16;
constexpr auto kUint8 = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
constexpr auto kAnyType = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;

// Io is one input or output of an operator.
struct Io {
  ONNXTensorElementDataType type;
  bool optional = false;
};

const OrtApi& api();          // set when the library is registered
void check(OrtStatus* s);     // throws what a status says, and releases it
void check(cudaError_t e, const char* what);

// Info is what an operator's constructor may ask of its node.
class Info {
 public:
  explicit Info(const OrtKernelInfo* i) : info_(i) {}
  std::string name() const;
  int64_t integer(const char* attr, int64_t otherwise) const;
  float real(const char* attr, float otherwise) const;
  std::string text(const char* attr, const char* otherwise) const;
  bool constant(size_t input) const;  // whether an input is a weight of the graph, the same in every run

 private:
  const OrtKernelInfo* info_;
};

// Tensor is a tensor on the device.
struct Tensor {
  const OrtValue* value = nullptr;
  void* data = nullptr;
  std::vector<int64_t> dims;
  ONNXTensorElementDataType type = kAnyType;
  explicit operator bool() const { return value != nullptr; }
  int64_t elements() const;
  int64_t last() const { return dims.empty() ? 1 : dims.back(); }
  int64_t rows() const { return last() ? elements() / last() : 0; }
  template <class T>
  T* as() const { return static_cast<T*>(data); }
};

// Call is one run of a node.
class Call {
 public:
  explicit Call(OrtKernelContext* c) : context_(c) {}
  Tensor in(size_t i) const;  // empty when the optional input is absent
  Tensor out(size_t i, const std::vector<int64_t>& dims) const;
  cudaStream_t stream() const;
  OrtKernelContext* context() const { return context_; }

 private:
  OrtKernelContext* context_;
};

// Scratch is device memory from the session's own allocator, which counts against its limit. It goes back when the object
// goes: the stream orders whoever gets it next behind the kernels that were queued on it.
class Scratch {
 public:
  Scratch(const Call& c, size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const { return static_cast<T*>(data_); }

 private:
  OrtAllocator* allocator_ = nullptr;
  void* data_ = nullptr;
};

// Op fills ONNX Runtime's table of callbacks for a kernel type.
template <class Kernel>
struct Op : OrtCustomOp {
  std::vector<Io> ins = Kernel::inputs(), outs = Kernel::outputs();
  static const Op& of(const OrtCustomOp* o) { return *static_cast<const Op*>(o); }
  static OrtCustomOpInputOutputCharacteristic kind(const Io& io) { return io.optional ? INPUT_OUTPUT_OPTIONAL : INPUT_OUTPUT_REQUIRED; }
  template <class F>
  static OrtStatus* guarded(F f) {
    try {
      f();
      return nullptr;
    } catch (const std::exception& e) {
      return api().CreateStatus(ORT_FAIL, e.what());
    }
  }
  struct Held {
    std::string name;
    Kernel kernel;
  };

  Op() : OrtCustomOp{} {
    version = 17;  // the newest part of the table that is used here
    GetName = [](const OrtCustomOp*) { return Kernel::name; };
    GetExecutionProviderType = [](const OrtCustomOp*) { return "CUDAExecutionProvider"; };
    GetInputTypeCount = [](const OrtCustomOp* o) { return of(o).ins.size(); };
    GetInputType = [](const OrtCustomOp* o, size_t i) { return of(o).ins[i].type; };
    GetInputCharacteristic = [](const OrtCustomOp* o, size_t i) { return kind(of(o).ins[i]); };
    GetInputMemoryType = [](const OrtCustomOp*, size_t) { return OrtMemTypeDefault; };
    GetOutputTypeCount = [](const OrtCustomOp* o) { return of(o).outs.size(); };
    GetOutputType = [](const OrtCustomOp* o, size_t i) { return of(o).outs[i].type; };
    GetOutputCharacteristic = [](const OrtCustomOp* o, size_t i) { return kind(of(o).outs[i]); };
    GetVariadicInputMinArity = [](const OrtCustomOp*) { return 1; };
    GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 1; };
    GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 1; };
    GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 1; };
    CreateKernelV2 = [](const OrtCustomOp*, const OrtApi*, const OrtKernelInfo* i, void** k) {
      Info info(i);
      return guarded([&] {
        try {
          *k = new Held{info.name(), Kernel(info)};
        } catch (const std::exception& e) {
          throw std::runtime_error(info.name() + ": " + e.what());
        }
      });
    };
    KernelComputeV2 = [](void* k, OrtKernelContext* c) {
      auto* held = static_cast<Held*>(k);
      Call call(c);
      return guarded([&] {
        try {
          held->kernel.run(call);
          check(cudaGetLastError(), "kernel");
        } catch (const std::exception& e) {
          throw std::runtime_error(held->name + ": " + e.what());
        }
      });
    };
    KernelDestroy = [](void* k) { delete static_cast<Held*>(k); };
    GetStartVersion = [](const OrtCustomOp*) { return 1; };
    GetEndVersion = [](const OrtCustomOp*) { return 1; };
  }
};

}  // namespace videosdgx
