#pragma once
#include "attention.h"

namespace videosdgx {

// Attention: q [batch, queries, heads·head], k and v [batch, keys, heads·head]. Attributes: num_heads; scale, 1/√head unless given; qk, exact
// or int8 (see Scores).
template <ONNXTensorElementDataType T>
struct Attention {
  static constexpr const char* name = "Attention";
  static std::vector<Io> inputs() { return {{T}, {T}, {T}}; }
  static std::vector<Io> outputs() { return {{T}}; }
  explicit Attention(const Info& i);
  void run(Call& c);
  int64_t heads;
  float scale;
  Scores scores;
};

}  // namespace videosdgx
