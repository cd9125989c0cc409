#include "attention_op.h"

#include <cmath>

#include "lt.h"

namespace videosdgx {
namespace {

Scores scores_of(const std::string& s) {
  if (s == "exact") return Scores::exact;
  if (s == "int8") return Scores::int8;
  throw std::runtime_error("qk \"" + s + "\" is neither exact nor int8");
}

std::string written(const std::vector<int64_t>& dims) {
  std::string s;
  for (const int64_t d : dims) s += (s.empty() ? "[" : ", ") + std::to_string(d);
  return s + "]";
}

void fit(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  if (q.dims.size() == 3 && k.dims.size() == 3 && k.dims == v.dims && q.dims[0] == k.dims[0] && q.last() == k.last() && q.last() % heads == 0) return;
  throw std::runtime_error("q " + written(q.dims) + ", k " + written(k.dims) + " and v " + written(v.dims) + " are no [batch, tokens, " +
                           std::to_string(heads) + " heads·head] of one batch, with as many keys as values");
}

}  // namespace

template <ONNXTensorElementDataType T>
Attention<T>::Attention(const Info& i) : heads(i.integer("num_heads", 0)), scale(i.real("scale", 0)), scores(scores_of(i.text("qk", "exact"))) {
  if (heads <= 0) throw std::runtime_error("num_heads must be positive");
  if (scale < 0) throw std::runtime_error("scale must be positive");
}

template <ONNXTensorElementDataType T>
void Attention<T>::run(Call& c) {
  const Tensor q = c.in(0), k = c.in(1), v = c.in(2);
  fit(q, k, v, heads);
  AttentionArgs a;
  a.batch = q.dims[0], a.q_tokens = q.dims[1], a.k_tokens = k.dims[1], a.heads = heads, a.head = q.last() / heads, a.scores = scores;
  if (!attention_runs_on(capability(), a.head, T, scores))
    throw std::runtime_error("this GPU has no kernel for attention in heads of " + std::to_string(a.head) +
                             "; it is for compute capability 9.0 and heads of 128 (exact: of 64 too)");
  a.scale = scale > 0 ? scale : 1 / std::sqrt(float(a.head));
  a.q = packed_heads(q.data, a.q_tokens, heads, a.head);
  a.k = packed_heads(k.data, a.k_tokens, heads, a.head), a.v = packed_heads(v.data, a.k_tokens, heads, a.head);
  a.out = packed_heads(c.out(0, q.dims).data, a.q_tokens, heads, a.head);
  Scratch workspace(c, attention_workspace(a));
  a.workspace = workspace.template as<void>();
  attention(a, T, c.stream());
}

template struct Attention<kBFloat16>;
template struct Attention<kHalf>;

}  // namespace videosdgx
