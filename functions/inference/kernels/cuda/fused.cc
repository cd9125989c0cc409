#include "fused.h"

#include "codes.cuh"

namespace videosdgx {
namespace {

// table is a modulation [batch or 1, …, dim] as a pointer and the distance between its batches.
const float* table(const Tensor& t, int64_t dim, int64_t batches, int64_t* stride, const char* what) {
  if (!t) return nullptr;
  const int64_t n = t.elements();
  if (n != dim && n != batches * dim)
    throw std::runtime_error(std::string(what) + " has " + std::to_string(n) + " elements, one or " + std::to_string(batches) + " rows of " + std::to_string(dim) + " are needed");
  *stride = n == dim ? 0 : dim;
  return t.as<float>();
}

int64_t batches(const Tensor& x) { return x.dims.size() > 2 ? x.dims[0] : 1; }

std::vector<int64_t> row_dims(std::vector<int64_t> dims) {
  dims.back() = 1;
  return dims;
}

void same(const Tensor& x, const Tensor& y) {
  if (x.dims != y.dims) throw std::runtime_error("the two inputs differ in shape");
}

}  // namespace

template <ONNXTensorElementDataType T, bool gated, bool codes>
NormOp<T, gated, codes>::NormOp(const Info& i) : one(i.real("one", 1)), epsilon(i.real("epsilon", 1e-6f)) {}

template <ONNXTensorElementDataType T, bool gated, bool codes>
void NormOp<T, gated, codes>::run(Call& c) {
  const Tensor x = c.in(0);
  NormArgs a{};
  a.x = x.data, a.dim = x.last(), a.rows = x.rows(), a.one = one, a.epsilon = epsilon;
  const int64_t batch = batches(x);
  a.rows_per_batch = batch ? std::max<int64_t>(1, a.rows / batch) : 1;
  size_t in = 1, out = 0;
  if constexpr (gated) {
    const Tensor y = c.in(1);
    same(x, y);
    a.y = y.data;
    a.gate = table(c.in(2), a.dim, batch, &a.gate_stride, "gate");
    a.sum = c.out(out++, x.dims).data;
    in = 3;
  }
  a.scale = table(c.in(in), a.dim, batch, &a.scale_stride, "scale");
  a.shift = table(c.in(in + 1), a.dim, batch, &a.shift_stride, "shift");
  if constexpr (codes) {
    a.out_codes = c.out(out, x.dims).template as<uint8_t>();
    a.out_scales = c.out(out + 1, row_dims(x.dims)).template as<float>();
  } else {
    a.out = c.out(out, x.dims).data;
  }
  norm(a, x.type, c.stream());
}

template struct NormOp<kBFloat16, false, false>;
template struct NormOp<kBFloat16, false, true>;
template struct NormOp<kBFloat16, true, false>;
template struct NormOp<kBFloat16, true, true>;
template struct NormOp<kFloat, false, false>;
template struct NormOp<kFloat, true, false>;

template <ONNXTensorElementDataType T>
void GatedAdd<T>::run(Call& c) {
  const Tensor x = c.in(0), y = c.in(1);
  same(x, y);
  int64_t stride = 0;
  const bool each = c.in(2).elements() == x.rows() * x.last();  // a gate of its own for every row
  const float* g = table(c.in(2), x.last(), each ? x.rows() : batches(x), &stride, "gate");
  const int64_t per = each ? 1 : std::max<int64_t>(1, x.rows() / std::max<int64_t>(1, batches(x)));
  gated_add(x.data, y.data, g, stride, c.out(0, x.dims).data, x.rows(), x.last(), per, x.type, c.stream());
}

template struct GatedAdd<kBFloat16>;
template struct GatedAdd<kFloat>;

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
template struct RMSRotary<kFloat>;

QuantizeRows::QuantizeRows(const Info& i) : gelu(i.text("epilogue", "none") == "gelu_tanh") {}

void QuantizeRows::run(Call& c) {
  const Tensor x = c.in(0);
  quantize_rows(x.data, x.type, c.out(0, x.dims).as<uint8_t>(), c.out(1, row_dims(x.dims)).as<float>(), x.rows(), x.last(), gelu, c.stream());
}

}  // namespace videosdgx
