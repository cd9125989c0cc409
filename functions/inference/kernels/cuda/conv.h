// Operators of a video autoencoder whose clips have their channels innermost: [1, frames, height, width, channels].
#pragma once
#include <algorithm>

#include "op.h"

namespace videosdgx {

// ConvArgs describe one convolution; triples are frames, height, width. in is x before pixels count twice; pad is in front.
struct ConvArgs {
  const void *x, *weight, *history, *residual;  // weight: [out channels, taps, channels]
  const float* bias;
  void* y;
  int in[3], channels, out[3], out_channels, kernel[3], stride[3], pad[3];
  int past;   // frames in history; frames before those are zeros
  int twice;  // 1: every pixel counts twice in height and width
  int edge, mirror;  // 1: the first and the last frame stand for those beyond, which are zeros else; pixels beyond a side are as in a mirror
  float scale = 1;   // the result is (sum + bias) · scale + residual
};

void conv(const ConvArgs& a, ONNXTensorElementDataType t, cudaStream_t s);

// conv_hopper does the same by what Hopper alone has, and says whether it has: not every device and not every shape is for it.
bool conv_hopper(const ConvArgs& a, ONNXTensorElementDataType t, cudaStream_t s);

// carry writes the last frames of history and x, which the next run looks back at; next may be the history itself.
void carry(const ConvArgs& a, int64_t frames, void* next, ONNXTensorElementDataType t, cudaStream_t s);

// last_norm is channel_norm over the last dimension.
void last_norm(const void* x, const float* gamma, void* y, int64_t positions, int64_t channels, float epsilon, float under, bool act,
               ONNXTensorElementDataType t, cudaStream_t s);

// ClipConv: x [1, T, H, W, C], weight [O, taps, C], bias float [O]; history [1, P, H, W, C], the frames before x, or none: zeros;
// residual of the result's shape. Outputs: y [1, T', H', W', O]; with the attribute carry, the last so many frames of history and x,
// which may be written to history's own memory. Attributes: kernel_t/h/w, stride_t/h/w, pads in front, before (frames), top, left, and
// behind, after (frames; with edge), bottom, right; double; edge, mirror; scale.
template <ONNXTensorElementDataType T>
struct ClipConv {
  static constexpr const char* name = "ClipConv";
  static std::vector<Io> inputs() { return {{T}, {T}, {kFloat}, {T, true}, {T, true}}; }
  static std::vector<Io> outputs() { return {{T}, {T, true}}; }
  explicit ClipConv(const Info& i) : carried(i.integer("carry", 0)) {
    const char* axis[] = {"t", "h", "w"};
    for (int k = 0; k < 3; k++) {
      a.kernel[k] = int(i.integer((std::string("kernel_") + axis[k]).c_str(), 1));
      a.stride[k] = int(i.integer((std::string("stride_") + axis[k]).c_str(), 1));
    }
    a.pad[0] = int(i.integer("before", 0)), a.pad[1] = int(i.integer("top", 0)), a.pad[2] = int(i.integer("left", 0));
    after = int(i.integer("after", 0)), bottom = int(i.integer("bottom", 0)), right = int(i.integer("right", 0)), a.twice = int(i.integer("double", 0));
    a.edge = int(i.integer("edge", 0)), a.mirror = int(i.integer("mirror", 0)), a.scale = i.real("scale", 1);
  }
  void run(Call& c) {
    const Tensor x = c.in(0), w = c.in(1), bias = c.in(2), history = c.in(3), residual = c.in(4);
    ConvArgs b = a;
    if (x.dims.size() != 5 || x.dims[0] != 1) throw std::runtime_error("a clip [1, frames, height, width, channels] is needed");
    for (int k = 0; k < 3; k++) b.in[k] = int(x.dims[1 + k]);
    b.channels = int(x.last()), b.out_channels = int(w.dims.empty() ? 0 : w.dims[0]);
    if (w.elements() != int64_t(b.out_channels) * b.kernel[0] * b.kernel[1] * b.kernel[2] * b.channels || bias.elements() != b.out_channels)
      throw std::runtime_error("weight or bias do not fit " + std::to_string(b.channels) + " channels");
    if (history) {
      if (history.dims.size() != 5 || history.dims[2] != x.dims[2] || history.dims[3] != x.dims[3] || history.dims[4] != x.dims[4])
        throw std::runtime_error("the history's frames are not as large as the clip's");
      b.past = int(history.dims[1]);
    }
    const int behind[] = {after, bottom, right};
    for (int k = 0; k < 3; k++) {
      const int side = b.in[k] << (k ? b.twice : 0);
      if (k && b.mirror && std::max(b.pad[k], behind[k]) >= side) throw std::runtime_error("a picture of " + std::to_string(side) + " along a side is too small for a mirror");
      b.out[k] = (side + b.pad[k] + behind[k] - b.kernel[k]) / b.stride[k] + 1;
    }
    const std::vector<int64_t> dims{1, b.out[0], b.out[1], b.out[2], b.out_channels};
    if (residual && residual.dims != dims) throw std::runtime_error("the residual does not have the result's shape");
    b.x = x.data, b.weight = w.data, b.bias = bias.as<float>(), b.history = history.data, b.residual = residual.data;
    b.y = c.out(0, dims).data;
    conv(b, T, c.stream());
    if (carried > 0) carry(b, carried, c.out(1, {1, carried, x.dims[2], x.dims[3], x.dims[4]}).data, T, c.stream());
  }
  ConvArgs a{};
  int after, bottom, right;
  int64_t carried;
};

// LastNorm: ChannelNorm of x [..., channels].
template <ONNXTensorElementDataType T>
struct LastNorm {
  static constexpr const char* name = "LastNorm";
  static std::vector<Io> inputs() { return {{T}, {kFloat}}; }
  static std::vector<Io> outputs() { return {{T}}; }
  explicit LastNorm(const Info& i) : epsilon(i.real("epsilon", 1e-12f)), under(i.real("under", 0)), act(i.text("activation", "none") == "silu") {}
  void run(Call& c) {
    const Tensor x = c.in(0), gamma = c.in(1);
    if (gamma.elements() != x.last()) throw std::runtime_error("gamma does not have one value for each channel");
    last_norm(x.data, gamma.as<float>(), c.out(0, x.dims).data, x.rows(), x.last(), epsilon, under, act, T, c.stream());
  }
  float epsilon, under;
  bool act;
};

}  // namespace videosdgx
