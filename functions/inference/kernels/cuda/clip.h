// Operators for what stands between the convolutions of a video autoencoder.
#pragma once
#include "op.h"

namespace videosdgx {

// channel_norm is x / max(√(‖x‖² + under), epsilon) · gamma over the channels of x [batch, channels, positions]; act: its SiLU.
void channel_norm(const void* x, const float* gamma, void* y, int64_t batch, int64_t channels, int64_t positions, float epsilon, float under, bool act,
                  ONNXTensorElementDataType t, cudaStream_t s);

// twice doubles rows and columns, nearest neighbour: x of so many values in rows of width.
void twice(const void* x, void* y, int64_t values, int64_t width, ONNXTensorElementDataType t, cudaStream_t s);

// ChannelNorm: x [batch, channels, …], gamma float [channels, …]. Attributes: epsilon, under; activation, "none" or "silu".
template <ONNXTensorElementDataType T>
struct ChannelNorm {
  static constexpr const char* name = "ChannelNorm";
  static std::vector<Io> inputs() { return {{T}, {kFloat}}; }
  static std::vector<Io> outputs() { return {{T}}; }
  explicit ChannelNorm(const Info& i) : epsilon(i.real("epsilon", 1e-12f)), under(i.real("under", 0)), act(i.text("activation", "none") == "silu") {}
  void run(Call& c) {
    const Tensor x = c.in(0), gamma = c.in(1);
    if (x.dims.size() < 2 || gamma.elements() != x.dims[1]) throw std::runtime_error("gamma does not have one value for each channel");
    const int64_t batch = x.dims[0], channels = x.dims[1];
    const int64_t positions = batch > 0 && channels > 0 ? x.elements() / (batch * channels) : 0;
    channel_norm(x.data, gamma.as<float>(), c.out(0, x.dims).data, batch, channels, positions, epsilon, under, act, T, c.stream());
  }
  float epsilon, under;
  bool act;
};

// Double: x [..., height, width] to twice both, every value repeated.
template <ONNXTensorElementDataType T>
struct Double {
  static constexpr const char* name = "Double";
  static std::vector<Io> inputs() { return {{T}}; }
  static std::vector<Io> outputs() { return {{T}}; }
  explicit Double(const Info&) {}
  void run(Call& c) {
    const Tensor x = c.in(0);
    std::vector<int64_t> dims = x.dims;
    if (dims.size() < 2) throw std::runtime_error("a picture has two dimensions at least");
    dims[dims.size() - 1] *= 2, dims[dims.size() - 2] *= 2;
    twice(x.data, c.out(0, dims).data, x.elements(), x.last(), T, c.stream());
  }
};

}  // namespace videosdgx
