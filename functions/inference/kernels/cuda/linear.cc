// QuantLinear on CUDA: y = x·Wᵀ + b, W as codes. FP8 with activations "dynamic" multiplies codes by codes; every other format
// is decoded a tile of rows at a time, small enough to stay in the cache, and multiplied in the activations' type.
#include "linear.h"

#include "lt.h"

namespace videosdgx {
namespace {

Format format(const std::string& s) {
  if (s == "bf16") return Format::bf16;
  if (s == "fp16") return Format::fp16;
  if (s == "fp8") return Format::fp8;
  if (s == "nf4") return Format::nf4;
  if (s == "nvfp4") return Format::nvfp4;
  if (s == "int8") return Format::int8;
  if (s == "int4") return Format::int4;
  throw std::runtime_error("format \"" + s + "\" is none of bf16, fp16, fp8, nf4, nvfp4, int8, int4");
}

cudaDataType_t cuda_type(ONNXTensorElementDataType t) {
  if (t == kBFloat16) return CUDA_R_16BF;
  if (t == kHalf) return CUDA_R_16F;
  if (t == kFloat) return CUDA_R_32F;
  throw std::runtime_error("activations are float32, float16 or bfloat16");
}

size_t size_of(ONNXTensorElementDataType t) { return t == kFloat ? 4 : 2; }

void want(const Tensor& t, int64_t elements, const char* what) {
  if (!t || t.elements() != elements)
    throw std::runtime_error(std::string(what) + " has " + std::to_string(t ? t.elements() : 0) + " elements, " + std::to_string(elements) + " are needed");
}

}  // namespace

Converted::~Converted() {
  if (data_) cudaFree(data_);
}

const void* Converted::of(const Tensor& b, int64_t n, ONNXTensorElementDataType t, cudaStream_t s) {
  std::lock_guard<std::mutex> lock(mu_);
  cudaStreamCaptureStatus state;
  if (data_ || cudaStreamIsCapturing(s, &state) != cudaSuccess || state != cudaStreamCaptureStatusNone) return data_;
  void* d;
  check(cudaMalloc(&d, n * size_of(t)), "memory for a bias");
  data_ = d;
  convert_bias(b.as<float>(), data_, n, t, s);
  check(cudaStreamSynchronize(s), "a bias");  // other streams read it from now on
  return data_;
}

Linear::Linear(const Info& i, size_t bias) {
  if (i.constant(bias)) bias_ = std::make_unique<Converted>();
  w_.format = format(i.text("format", ""));
  w_.n = i.integer("out_features", 0), w_.k = i.integer("in_features", 0);
  if (w_.n <= 0 || w_.k <= 0) throw std::runtime_error("in_features and out_features must be positive");
  const int64_t usual = w_.format == Format::nf4 ? 64 : w_.format == Format::nvfp4 ? 16 : 32;
  w_.block = w_.format == Format::bf16 || w_.format == Format::fp16 || w_.format == Format::fp8 ? 0 : i.integer("block", usual);
  if (w_.block < 0 || (w_.block && (w_.block & (w_.block - 1)))) throw std::runtime_error("block must be a power of two");
  w_.high_first = i.integer("high_first", w_.format == Format::nf4);
  w_.offset = i.real("offset", 0);
  const std::string act = i.text("activations", "none"), epilogue = i.text("epilogue", "none");
  if (act != "none" && act != "dynamic") throw std::runtime_error("activations \"" + act + "\" is neither none nor dynamic");
  if (epilogue != "none" && epilogue != "gelu_tanh") throw std::runtime_error("epilogue \"" + epilogue + "\" is neither none nor gelu_tanh");
  dynamic_ = act == "dynamic", gelu_ = epilogue == "gelu_tanh";
}

Codes Linear::weight(const Call& c, size_t first) const {
  Codes w = w_;
  const Tensor codes = c.in(first), scales = c.in(first + 1), scales2 = c.in(first + 2), table = c.in(first + 3), zeros = c.in(first + 4);
  const int64_t b = w.blocks(), flat = w.block ? (w.n * w.k + w.block - 1) / w.block : 0;
  switch (w.format) {
    case Format::bf16:
    case Format::fp16: want(codes, 2 * w.n * w.k, "codes"); break;
    case Format::fp8:
      want(codes, w.n * w.k, "codes");
      w.scale_per_row = scales && scales.elements() == w.n && w.n > 1;
      want(scales, w.scale_per_row ? w.n : 1, "scales");
      break;
    case Format::nf4:
      want(codes, (w.n * w.k + 1) / 2, "codes");
      want(scales, flat, "scales");
      if (scales.type == kUint8) want(scales2, (flat + 255) / 256, "scales2"), want(table, 256, "table");
      break;
    case Format::nvfp4:
      want(codes, w.n * b * 8, "codes");
      want(scales, w.n * b, "scales");
      want(scales2, 1, "scales2");
      break;
    case Format::int8:
      want(codes, w.n * b * w.block, "codes");
      want(scales, w.n * b, "scales");
      if (zeros) want(zeros, w.n * b, "zero_points");
      break;
    case Format::int4:
      want(codes, w.n * b * w.block / 2, "codes");
      want(scales, w.n * b, "scales");
      if (zeros) want(zeros, w.n * ((b + 1) / 2), "zero_points");
      break;
  }
  w.codes = codes.as<uint8_t>();
  if (scales && scales.type == kUint8) w.scale_codes = scales.as<uint8_t>();
  else if (scales) w.scales = scales.as<float>();
  if (scales2) w.scales2 = scales2.as<float>();
  if (table) w.table = table.as<float>();
  if (zeros) w.zero_points = zeros.as<uint8_t>();
  return w;
}

// bias is b in the type that a product takes; room is for one that comes anew with every run.
const void* Linear::bias(const Call& c, const Tensor& b, int64_t n, ONNXTensorElementDataType t, std::optional<Scratch>& room) const {
  if (!b || t == kFloat) return b.data;
  if (const void* kept = bias_ ? bias_->of(b, n, t, c.stream()) : nullptr) return kept;
  room.emplace(c, n * size_of(t));
  convert_bias(b.as<float>(), room->as<void>(), n, t, c.stream());
  return room->as<void>();
}

// decoded multiplies tile by tile. A weight of the activations' own type is used where it lies.
void Linear::decoded(const Call& c, const Codes& w, const Tensor& x, const Tensor& bias, const Tensor& y) const {
  const auto t = x.type;
  const size_t size = size_of(t);
  std::optional<Scratch> room;
  const char* b = static_cast<const char*>(this->bias(c, bias, w.n, t, room));
  Product p;
  p.m = x.elements() / w.k, p.k = w.k, p.ldd = w.n, p.in = p.out = cuda_type(t), p.gelu = gelu_, p.x = x.data;
  const bool direct = (w.format == Format::bf16 && t == kBFloat16) || (w.format == Format::fp16 && t == kHalf);
  const int64_t tile = direct ? w.n : std::min<int64_t>(w.n, std::max<int64_t>(256, (16 << 20) / int64_t(size) / w.k / 128 * 128));
  Scratch buffer(c, direct ? 0 : tile * w.k * size);
  for (int64_t from = 0; from < w.n; from += tile) {
    p.n = std::min(tile, w.n - from);
    p.w = w.codes;
    if (!direct) {
      decode(w, from, from + p.n, buffer.as<void>(), t, c.stream());
      p.w = buffer.as<void>();
    }
    p.bias = b ? b + from * size : nullptr;
    p.d = y.as<char>() + from * size;
    multiply(c, p);
  }
}

void Linear::coded(const Call& c, const Codes& w, const uint8_t* x, const float* x_scale, int64_t m, const Tensor& bias, const Tensor& y) const {
  const auto t = y.type;
  cudaStream_t s = c.stream();
  Scratch wide(c, w.scale_per_row ? 0 : w.n * sizeof(float));
  std::optional<Scratch> room;
  if (!w.scale_per_row) widen_scales(w, wide.as<float>(), s);
  const float* ws = w.scale_per_row ? w.scales : wide.as<float>();
  Product p;
  p.m = m, p.n = w.n, p.k = w.k, p.in = CUDA_R_8F_E4M3, p.out = cuda_type(t), p.x = x, p.w = w.codes, p.d = y.data;
  if (!scales_rows()) {
    multiply(c, p);
    rescale_rows(y.data, t, x_scale, ws, bias ? bias.as<float>() : nullptr, m, w.n, gelu_, s);
    return;
  }
  p.bias = this->bias(c, bias, w.n, t, room);
  p.gelu = gelu_, p.scaled = true, p.x_scale = x_scale, p.w_scale = ws;
  multiply(c, p);
}

// codes_work says whether the tensor cores of this device take FP8 of these sizes.
bool Linear::codes_work() const { return w_.k % 16 == 0 && w_.n % 16 == 0 && capability() >= 89; }

static std::vector<int64_t> with_last(std::vector<int64_t> dims, int64_t last) {
  dims.back() = last;
  return dims;
}

void QuantLinear::run(Call& c) {
  const Tensor x = c.in(0), bias = c.in(6);
  if (x.last() != w_.k) throw std::runtime_error("X has rows of " + std::to_string(x.last()) + ", in_features is " + std::to_string(w_.k));
  if (bias) want(bias, w_.n, "bias");
  const Codes w = weight(c, 1);
  const Tensor y = c.out(0, with_last(x.dims, w_.n));
  if (!dynamic_ || w.format != Format::fp8 || x.type == kFloat || !codes_work()) return decoded(c, w, x, bias, y);
  Scratch codes(c, x.elements()), scales(c, x.rows() * sizeof(float));
  quantize_rows(x.data, x.type, codes.as<uint8_t>(), scales.as<float>(), x.rows(), w_.k, false, c.stream());
  coded(c, w, codes.as<uint8_t>(), scales.as<float>(), x.rows(), bias, y);
}

template <ONNXTensorElementDataType T>
void CodeLinear<T>::run(Call& c) {
  const Tensor x = c.in(0), x_scale = c.in(1), bias = c.in(7);
  if (x.last() != w_.k) throw std::runtime_error("X has rows of " + std::to_string(x.last()) + ", in_features is " + std::to_string(w_.k));
  want(x_scale, x.rows(), "scales of X");
  if (bias) want(bias, w_.n, "bias");
  if (!codes_work()) throw std::runtime_error("this GPU has no FP8 product; build the bundle for activations in bfloat16");
  coded(c, weight(c, 2), x.as<uint8_t>(), x_scale.as<float>(), x.rows(), bias, c.out(0, with_last(x.dims, w_.n)));
}

template struct CodeLinear<kBFloat16>;
template struct CodeLinear<kHalf>;

}  // namespace videosdgx
