#include "fused.h"

#include "codes.cuh"

namespace videosdgx {
namespace {

int64_t batches(const Tensor& x) { return x.dims.size() > 2 ? x.dims[0] : 1; }

// table is the modulation of x's rows: one row for all, one for each batch, or one for each row, as where every token has a time of its own.
Modulation table(const Tensor& t, const Tensor& x, const char* what) {
  if (!t) return {};
  const int64_t n = t.elements(), dim = x.last(), batch = batches(x), rows = x.rows();
  if (n == dim) return {t.as<float>(), 0, 1};
  if (batch && n == batch * dim) return {t.as<float>(), dim, unsigned(std::max<int64_t>(1, rows / batch))};
  if (n == rows * dim) return {t.as<float>(), dim, 1};
  throw std::runtime_error(std::string(what) + " has " + std::to_string(n) + " elements; one row of " + std::to_string(dim) + ", " +
                           std::to_string(batch) + " of them (one for each batch) or " + std::to_string(rows) + " (one for each row) are needed");
}

std::vector<int64_t> row_dims(std::vector<int64_t> dims) {
  dims.back() = 1;
  return dims;
}

void same(const Tensor& x, const Tensor& y) {
  if (x.dims != y.dims) throw std::runtime_error("the two inputs differ in shape");
}

}  // namespace

template <ONNXTensorElementDataType S, ONNXTensorElementDataType T, bool gated, bool codes>
NormOp<S, T, gated, codes>::NormOp(const Info& i) : one(i.real("one", 1)), epsilon(i.real("epsilon", 1e-6f)), center(i.integer("center", 1)) {}

template <ONNXTensorElementDataType S, ONNXTensorElementDataType T, bool gated, bool codes>
void NormOp<S, T, gated, codes>::run(Call& c) {
  const Tensor x = c.in(0);
  NormArgs a{};
  a.x = x.data, a.dim = x.last(), a.rows = x.rows(), a.one = one, a.epsilon = epsilon, a.center = center;
  size_t in = 1, out = 0;
  if constexpr (gated) {
    const Tensor y = c.in(1);
    same(x, y);
    a.y = y.data;
    a.gate = table(c.in(2), x, "gate");
    a.sum = c.out(out++, x.dims).data;
    in = 3;
  }
  a.scale = table(c.in(in), x, "scale");
  a.shift = table(c.in(in + 1), x, "shift");
  if constexpr (codes) {
    a.out_codes = c.out(out, x.dims).template as<uint8_t>();
    a.out_scales = c.out(out + 1, row_dims(x.dims)).template as<float>();
  } else {
    a.out = c.out(out, x.dims).data;
  }
  norm(a, S, T, c.stream());
}

template struct NormOp<kBFloat16, kBFloat16, false, false>;
template struct NormOp<kBFloat16, kBFloat16, false, true>;
template struct NormOp<kBFloat16, kBFloat16, true, false>;
template struct NormOp<kBFloat16, kBFloat16, true, true>;
template struct NormOp<kFloat, kFloat, false, false>;
template struct NormOp<kFloat, kFloat, true, false>;
template struct NormOp<kFloat, kFloat, false, true>;
template struct NormOp<kFloat, kBFloat16, false, false>;
template struct NormOp<kFloat, kBFloat16, true, false>;
template struct NormOp<kFloat, kBFloat16, true, true>;
template struct NormOp<kFloat, kHalf, false, false>;
template struct NormOp<kFloat, kHalf, true, false>;
template struct NormOp<kFloat, kHalf, true, true>;

template <ONNXTensorElementDataType S, ONNXTensorElementDataType T>
void GatedAdd<S, T>::run(Call& c) {
  const Tensor x = c.in(0), y = c.in(1);
  same(x, y);
  gated_add(x.data, y.data, table(c.in(2), x, "gate"), c.out(0, x.dims).data, x.rows(), x.last(), S, T, c.stream());
}

template struct GatedAdd<kBFloat16, kBFloat16>;
template struct GatedAdd<kFloat, kFloat>;
template struct GatedAdd<kFloat, kBFloat16>;
template struct GatedAdd<kFloat, kHalf>;

template <ONNXTensorElementDataType T>
RMSRotary<T>::RMSRotary(const Info& i) : head(i.integer("head", 0)), epsilon(i.real("epsilon", 1e-6f)) {}

template <ONNXTensorElementDataType T>
void RMSRotary<T>::run(Call& c) {
  const Tensor x = c.in(0), w = c.in(1), cos = c.in(2), sin = c.in(3);
  RMSArgs a{};
  a.x = x.data, a.dim = x.last(), a.rows = x.rows(), a.epsilon = epsilon, a.weight = w.as<float>();
  if (w.elements() != a.dim) throw std::runtime_error("the weight does not have a row's length");
  if (cos) {
    if (head <= 0 || head % 8 || a.dim % head || !sin || cos.last() != head / 2 || sin.elements() != cos.elements() || (a.rows && a.rows % cos.rows()))
      throw std::runtime_error("the rotary tables do not fit rows of " + std::to_string(a.dim) + " in heads of " + std::to_string(head));
    a.cos = cos.as<float>(), a.sin = sin.as<float>(), a.angle_rows = cos.rows(), a.head = head;
  }
  a.out = c.out(0, x.dims).data;
  rms(a, x.type, c.stream());
}

template struct RMSRotary<kBFloat16>;
template struct RMSRotary<kHalf>;
template struct RMSRotary<kFloat>;

template <ONNXTensorElementDataType T>
QuantizeRows<T>::QuantizeRows(const Info& i) : gelu(i.text("epilogue", "none") == "gelu_tanh") {}

template <ONNXTensorElementDataType T>
void QuantizeRows<T>::run(Call& c) {
  const Tensor x = c.in(0);
  quantize_rows(x.data, T, c.out(0, x.dims).template as<uint8_t>(), c.out(1, row_dims(x.dims)).template as<float>(), x.rows(), x.last(), gelu, c.stream());
}

template struct QuantizeRows<kBFloat16>;
template struct QuantizeRows<kHalf>;

}  // namespace videosdgx
