#pragma once
#include <memory>
#include <mutex>
#include <optional>

#include "codes.cuh"
#include "op.h"

namespace videosdgx {

// Converted is a weight of the graph in another type, made when it is first asked for and kept as long as the kernel.
class Converted {
 public:
  ~Converted();
  // of is b [n] as t; null while the stream is being recorded and nothing has been made yet.
  const void* of(const Tensor& b, int64_t n, ONNXTensorElementDataType t, cudaStream_t s);

 private:
  std::mutex mu_;
  void* data_ = nullptr;
};

// Linear is what the operators over a coded weight share.
class Linear {
 public:
  Linear(const Info& i, size_t bias);  // bias: the number of that input

 protected:
  Codes weight(const Call& c, size_t first) const;  // from the inputs first…first+4
  void decoded(const Call& c, const Codes& w, const Tensor& x, const Tensor& bias, const Tensor& y) const;
  void coded(const Call& c, const Codes& w, const uint8_t* x, const float* x_scale, int64_t m, const Tensor& bias, const Tensor& y) const;
  bool codes_work() const;

  Codes w_;
  bool dynamic_ = false, gelu_ = false;

 private:
  std::unique_ptr<Converted> bias_;  // where the bias is a weight of the graph
  const void* bias(const Call& c, const Tensor& b, int64_t n, ONNXTensorElementDataType t, std::optional<Scratch>& room) const;
};

// QuantLinear is the operator that the CPU has too.
struct QuantLinear : Linear {
  static constexpr const char* name = "QuantLinear";
  explicit QuantLinear(const Info& i) : Linear(i, 6) {}
  void run(Call& c);
};
template <ONNXTensorElementDataType T>
struct QuantLinearOf : QuantLinear {
  using QuantLinear::QuantLinear;
  static std::vector<Io> inputs() {
    return {{T}, {kUint8}, {kAnyType, true}, {kFloat, true}, {kFloat, true}, {kUint8, true}, {kFloat, true}};
  }
  static std::vector<Io> outputs() { return {{T}}; }
};

// CodeLinear takes activations that are FP8 codes already, with a scale per row: several products share one quantization. Its name
// says the type of the result, which no input does.
template <ONNXTensorElementDataType T>
struct CodeLinear : Linear {
  static constexpr const char* name = T == kHalf ? "CodeLinearFP16" : "CodeLinear";
  explicit CodeLinear(const Info& i) : Linear(i, 7) {}
  static std::vector<Io> inputs() {
    return {{kUint8}, {kFloat}, {kUint8}, {kFloat}, {kFloat, true}, {kFloat, true}, {kUint8, true}, {kFloat, true}};
  }
  static std::vector<Io> outputs() { return {{T}}; }
  void run(Call& c);
};

}  // namespace videosdgx
