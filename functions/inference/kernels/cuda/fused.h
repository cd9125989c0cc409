// Operators for what stands between the products of a diffusion transformer; each is one pass over memory.
#pragma once
#include "norm.cuh"
#include "op.h"

namespace videosdgx {

// ModulatedNorm: h = norm(x)·(one + scale) + shift; the norm is RMS where the attribute center is 0. Inputs x [..., dim]; scale, shift float [1, batch or rows of x; dim].
// With codes, h is E4M3 and a second output has the scale of each row.
// GatedNorm: x' = x + gate·y first; outputs x', then h.
// The residual stream, x and x', is of type S, y and h of type T. Where no input says T, the operator's name does.
template <ONNXTensorElementDataType S, ONNXTensorElementDataType T, bool gated, bool codes>
struct NormOp {
  static constexpr const char* plain = S == T ? "ModulatedNorm" : T == kHalf ? "ModulatedNormFP16" : "ModulatedNormBF16";
  static constexpr const char* name = gated ? (codes ? "GatedNormCodes" : "GatedNorm") : (codes ? "ModulatedNormCodes" : plain);
  static std::vector<Io> inputs() {
    if (gated) return {{S}, {T}, {kFloat, true}, {kFloat}, {kFloat, true}};
    return {{S}, {kFloat}, {kFloat, true}};
  }
  static std::vector<Io> outputs() {
    std::vector<Io> o;
    if (gated) o.push_back({S});
    o.push_back({codes ? kUint8 : T});
    if (codes) o.push_back({kFloat});
    return o;
  }
  explicit NormOp(const Info& i);
  void run(Call& c);
  float one, epsilon;
  bool center;
};

// GatedAdd: x + gate·y; x and the sum of type S, y of type T.
template <ONNXTensorElementDataType S, ONNXTensorElementDataType T>
struct GatedAdd {
  static constexpr const char* name = "GatedAdd";
  static std::vector<Io> inputs() { return {{S}, {T}, {kFloat}}; }
  static std::vector<Io> outputs() { return {{S}}; }
  explicit GatedAdd(const Info&) {}
  void run(Call& c);
};

// RMSRotary: RMS norm over the last dimension, times weight; with cos and sin [batch or 1, tokens, head/2], interleaved pairs
// turned. Attributes: head, epsilon.
template <ONNXTensorElementDataType T>
struct RMSRotary {
  static constexpr const char* name = "RMSRotary";
  static std::vector<Io> inputs() { return {{T}, {kFloat}, {kFloat, true}, {kFloat, true}}; }
  static std::vector<Io> outputs() { return {{T}}; }
  explicit RMSRotary(const Info& i);
  void run(Call& c);
  int64_t head;
  float epsilon;
};

// QuantizeRows: E4M3 codes and the scale of each row, of x or of its GELU.
template <ONNXTensorElementDataType T>
struct QuantizeRows {
  static constexpr const char* name = "QuantizeRows";
  static std::vector<Io> inputs() { return {{T}}; }
  static std::vector<Io> outputs() { return {{kUint8}, {kFloat}}; }
  explicit QuantizeRows(const Info& i);
  void run(Call& c);
  bool gelu;
};

}  // namespace videosdgx
