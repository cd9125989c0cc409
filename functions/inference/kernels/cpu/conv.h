// The convolution of ClipConv over a clip whose channels are innermost, [frames, height, width, channels], cut into items for a
// thread pool; and the norm over channels of LastNorm.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vdx {

constexpr int64_t kGroup = 16;  // channels that are computed together: those of x and of y are padded to a multiple of it

static inline int64_t groups_of(int64_t channels) { return (channels + kGroup - 1) / kGroup; }

// Conv is one convolution; triples are frames, height, width. Sizes of x are those before every pixel counts twice.
struct Conv {
  const float *x, *history, *residual;  // history: the `past` frames before x, or null; residual: [out…, out_channels] or null
  const float* weight;                  // [groups of out channels][taps][channels, padded][kGroup]
  const float* bias;                    // [out_channels]
  float* y;
  int64_t in[3], channels, out[3], out_channels, kernel[3], stride[3], pad[3], past;
  int64_t twice;          // 1: every pixel counts twice in height and width
  int64_t group, groups;  // of out channels, that this pass computes
  float* prepared;        // prepared_floats(conv) of them, aligned to 64

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t padded() const { return groups_of(channels) * kGroup; }
  int64_t frame() const { return in[1] * in[2] * channels; }
  // source is a frame of x, or of the history where it is negative; null where there are only zeros.
  const float* source(int64_t f) const {
    if (f >= 0) return x + f * frame();
    return history && past + f >= 0 ? history + (past + f) * frame() : nullptr;
  }
  // squares: three by three pixels without strides, which take 16 products for four results instead of 36.
  bool squares() const { return kernel[1] == 3 && kernel[2] == 3 && stride[0] == 1 && stride[1] == 1 && stride[2] == 1; }
};

// ConvKernel is the code for one instruction set. Weights are prepared by pass, then items run at the same time, each worker with
// scratch_floats(conv) of its own.
struct ConvKernel {
  int64_t (*prepared_floats)(const Conv&);
  int64_t (*prepare_items)(const Conv&);
  void (*prepare)(const Conv&, int64_t item);
  int64_t (*scratch_floats)(const Conv&);
  int64_t (*items)(const Conv&);
  void (*run)(const Conv&, int64_t item, float* scratch);
};

// Norm is x / max(‖x‖, epsilon) · gamma over rows of channels; act: its SiLU.
struct Norm {
  const float *x, *gamma;
  float* y;
  int64_t channels;
  float epsilon;
  bool act;
};

using NormKernel = void (*)(const Norm&, int64_t from, int64_t to);  // rows

}  // namespace vdx
