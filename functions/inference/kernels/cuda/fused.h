// Operators for what stands between the products of a diffusion transformer; each is one pass over memory.
#pragma once
#include "norm.cuh"
#include "op.h"

namespace videosdgx {

// ModulatedNorm: h = norm(x)·(one + scale) + shift. Inputs x [..., dim]; scale, shift float [1, batch or rows of x; dim].
// With codes, h is E4M3 and a second output has the scale of each row.
// GatedNorm: x' = x + gate·y first; outputs x', then h.
template <ONNXTensorElementDataType T, bool gated, bool codes>
struct NormOp {
  static constexpr const char* name = gated ? (codes ? "GatedNormCodes" : "GatedNorm") : (codes ? "ModulatedNormCodes" : "ModulatedNorm");
  static std::vector<Io> inputs() {
    if (gated) return {{T}, {T}, {kFloat, true}, {kFloat}, {kFloat, true}};
    return {{T}, {kFloat}, {kFloat, true}};
  }
  static std::vector<Io> outputs() {
    std::vector<Io> o;
    if (gated) o.push_back({T});
    o.push_back({codes ? kUint8 : T});
    if (codes) o.push_back({kFloat});
    return o;
  }
  explicit NormOp(const Info& i);
  void run(Call& c);
  float one, epsilon;
};

// GatedAdd: x + gate·y.
template <ONNXTensorElementDataType T>
struct GatedAdd {
  static constexpr const char* name = "GatedAdd";
  static std::vector<Io> inputs() { return {{T}, {T}, {kFloat}}; }
  static std::vector<Io> outputs() { return {{T}}; }
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
struct QuantizeRows {
  static constexpr const char* name = "QuantizeRows";
  static std::vector<Io> inputs() { return {{kBFloat16}}; }
  static std::vector<Io> outputs() { return {{kUint8}, {kFloat}}; }
  explicit QuantizeRows(const Info& i);
  void run(Call& c);
  bool gelu;
};

}  // namespace videosdgx
