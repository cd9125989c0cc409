// ClipConv and LastNorm as custom operators of ONNX Runtime (domain ai.videosdgx, version 1), the CPU's: as kernels/cuda/conv.h has
// them but for the form of the weight, [groups of 16 out channels, taps, channels padded to 16, 16].
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "linear.h"
#include "op.h"

namespace vdx {
namespace {

// Value is a tensor of floats.
struct Value {
  float* data = nullptr;
  int64_t dims[8] = {};
  size_t rank = 0;
  int64_t elements() const {
    int64_t n = 1;
    for (size_t i = 0; i < rank; i++) n *= dims[i];
    return n;
  }
};

OrtStatus* describe(const OrtValue* v, Value* to) {
  OrtTensorTypeAndShapeInfo* shape = nullptr;
  RETURN_IF(api->GetTensorTypeAndShape(v, &shape));
  OrtStatus* s = api->GetDimensionsCount(shape, &to->rank);
  if (!s && to->rank > 8) s = fail("a value of " + std::to_string(to->rank) + " dimensions");
  if (!s) s = api->GetDimensions(shape, to->dims, to->rank);
  api->ReleaseTensorTypeAndShapeInfo(shape);
  RETURN_IF(s);
  void* data = nullptr;
  RETURN_IF(api->GetTensorMutableData(const_cast<OrtValue*>(v), &data));
  to->data = static_cast<float*>(data);
  return nullptr;
}

OrtStatus* input(const OrtKernelContext* ctx, size_t i, Value* to) {
  const OrtValue* v = nullptr;
  RETURN_IF(value(ctx, i, &v));
  return v ? describe(v, to) : nullptr;
}

OrtStatus* output(OrtKernelContext* ctx, size_t i, const int64_t* dims, size_t rank, float** data) {
  OrtValue* v = nullptr;
  RETURN_IF(api->KernelContext_GetOutput(ctx, i, dims, rank, &v));
  Value o;
  RETURN_IF(describe(v, &o));
  *data = o.data;
  return nullptr;
}

OrtStatus* best(const Isa** isa) {
  *isa = choose();
  return *isa ? nullptr : fail("VIDEOSDGX_KERNELS_ISA names an instruction set that this machine or this library does not have; unset it");
}

using Floats = std::unique_ptr<float, decltype(&std::free)>;
Floats floats(int64_t n) { return Floats(static_cast<float*>(std::aligned_alloc(64, size_t(4 * n + 63) / 64 * 64)), &std::free); }

// ClipConv is one node.
struct ClipConv {
  std::string node;
  Conv c;
  int64_t bottom, right, carry;
  const Isa* isa;
};

OrtStatus* create_conv(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo* info, void** kernel) {
  auto o = std::make_unique<ClipConv>();
  o->node = node_name(info);
  o->c = Conv{};
  const char* axis[] = {"t", "h", "w"};
  for (int i = 0; i < 3; i++) {
    o->c.kernel[i] = int_attribute(info, (std::string("kernel_") + axis[i]).c_str(), 1);
    o->c.stride[i] = int_attribute(info, (std::string("stride_") + axis[i]).c_str(), 1);
    if (o->c.kernel[i] < 1 || o->c.kernel[i] > 8 || o->c.stride[i] < 1) return fail("node " + o->node + " has a kernel or a stride that is none: build the bundle again");
  }
  o->c.pad[0] = int_attribute(info, "before", 0), o->c.pad[1] = int_attribute(info, "top", 0), o->c.pad[2] = int_attribute(info, "left", 0);
  o->bottom = int_attribute(info, "bottom", 0), o->right = int_attribute(info, "right", 0);
  o->c.twice = int_attribute(info, "double", 0), o->carry = int_attribute(info, "carry", 0);
  if (o->c.twice != 0 && o->c.twice != 1) return fail("node " + o->node + " makes pixels more than twice as large: build the bundle again");
  RETURN_IF(best(&o->isa));
  *kernel = o.release();
  return nullptr;
}

// shape fills in what the run's values say, and checks that they fit together.
OrtStatus* shape(const ClipConv& o, const Value& x, const Value& w, const Value& bias, const Value& history, const Value& residual, Conv* c) {
  if (x.rank != 5 || x.dims[0] != 1) return fail("node " + o.node + ": a clip [1, frames, height, width, channels] is needed");
  const int64_t behind[] = {0, o.bottom, o.right};
  for (int i = 0; i < 3; i++) {
    c->in[i] = x.dims[1 + i];
    int64_t side = (c->in[i] << (i ? c->twice : 0)) + c->pad[i] + behind[i];
    if (side < c->kernel[i]) return fail("node " + o.node + ": a clip of " + std::to_string(c->in[i]) + " along an axis is too small for its kernel");
    c->out[i] = (side - c->kernel[i]) / c->stride[i] + 1;
  }
  c->channels = x.dims[4], c->out_channels = bias.elements();
  if (w.elements() != groups_of(c->out_channels) * c->taps() * c->padded() * kGroup)
    return fail("node " + o.node + ": the weight does not fit " + std::to_string(c->channels) + " channels in and " + std::to_string(c->out_channels) + " out: build the bundle again");
  if (history.data) {
    for (int i = 2; i < 5; i++)
      if (history.rank != 5 || history.dims[i] != x.dims[i]) return fail("node " + o.node + ": the history's frames are not as large as the clip's");
    c->past = history.dims[1];
  }
  if (residual.data)
    for (int i = 0; i < 4; i++)
      if (residual.rank != 5 || residual.dims[1 + i] != (i < 3 ? c->out[i] : c->out_channels)) return fail("node " + o.node + ": the residual does not have the result's shape");
  return nullptr;
}

// Work is the items of a pass, which workers take one after the other. Their scratch is theirs for the pass.
struct Work {
  const Conv* c;
  const ConvKernel* kernel;
  std::atomic<int64_t> next{0};
  std::atomic<bool> starved{false};
};

void work(void* p, size_t) {
  Work& w = *static_cast<Work*>(p);
  int64_t items = w.kernel->items(*w.c), item = w.next++;
  if (item >= items) return;
  Floats scratch = floats(w.kernel->scratch_floats(*w.c));
  if (!scratch) {
    w.starved = true;
    return;
  }
  for (; item < items; item = w.next++) w.kernel->run(*w.c, item, scratch.get());
}

void prepare(void* p, size_t item) {
  Work& w = *static_cast<Work*>(p);
  w.kernel->prepare(*w.c, int64_t(item));
}

size_t workers(int64_t items) {
  int64_t most = std::thread::hardware_concurrency();
  return size_t(items < most || most < 1 ? items : most);
}

constexpr int64_t kPreparedFloats = 16 << 20;  // what prepared weights of a pass may take; more out channels are another pass

OrtStatus* convolve(const ClipConv& o, OrtKernelContext* ctx, Conv c) {
  const ConvKernel& kernel = *o.isa->conv;
  int64_t groups = groups_of(c.out_channels);
  c.groups = 1;
  int64_t one = kernel.prepared_floats(c);
  int64_t most = one > 0 ? kPreparedFloats / one : groups;
  most = most < 1 ? 1 : most > groups ? groups : most;
  Floats prepared = floats(one * most + 1);
  if (!prepared) return api->CreateStatus(ORT_FAIL, ("node " + o.node + ": no memory for " + std::to_string(4 * one * most) + " bytes of weights").c_str());
  c.prepared = prepared.get();
  for (c.group = 0; c.group < groups; c.group += c.groups) {
    c.groups = most < groups - c.group ? most : groups - c.group;
    Work w;
    w.c = &c, w.kernel = &kernel;
    if (int64_t n = kernel.prepare_items(c)) RETURN_IF(api->KernelContext_ParallelFor(ctx, prepare, size_t(n), 0, &w));
    RETURN_IF(api->KernelContext_ParallelFor(ctx, work, workers(kernel.items(c)), 0, &w));
    if (w.starved) return api->CreateStatus(ORT_FAIL, ("node " + o.node + ": no memory for " + std::to_string(4 * kernel.scratch_floats(c)) + " bytes of a block").c_str());
  }
  return nullptr;
}

// carry keeps the last frames of history and x. They may go to where the history lies: every frame moves forward.
void carry(const Conv& c, int64_t frames, float* next) {
  for (int64_t i = 0; i < frames; i++, next += c.frame()) {
    const float* from = c.source(c.in[0] - frames + i);
    if (!from) {
      std::memset(next, 0, size_t(4 * c.frame()));
    } else if (from != next) {
      std::memmove(next, from, size_t(4 * c.frame()));
    }
  }
}

OrtStatus* compute_conv(void* op, OrtKernelContext* ctx) {
  const ClipConv& o = *static_cast<ClipConv*>(op);
  Value x, w, bias, history, residual;
  Value* all[] = {&x, &w, &bias, &history, &residual};
  for (size_t i = 0; i < 5; i++) RETURN_IF(input(ctx, i, all[i]));
  Conv c = o.c;
  RETURN_IF(shape(o, x, w, bias, history, residual, &c));
  c.x = x.data, c.weight = w.data, c.bias = bias.data, c.history = history.data, c.residual = residual.data;
  const int64_t dims[] = {1, c.out[0], c.out[1], c.out[2], c.out_channels};
  RETURN_IF(output(ctx, 0, dims, 5, &c.y));
  RETURN_IF(convolve(o, ctx, c));
  if (o.carry <= 0) return nullptr;
  const int64_t kept[] = {1, o.carry, x.dims[2], x.dims[3], x.dims[4]};
  float* next = nullptr;
  RETURN_IF(output(ctx, 1, kept, 5, &next));
  carry(c, o.carry, next);
  return nullptr;
}

// LastNorm is one node.
struct LastNorm {
  std::string node;
  float epsilon;
  bool act;
  const Isa* isa;
};

OrtStatus* create_norm(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo* info, void** kernel) {
  auto o = std::make_unique<LastNorm>();
  o->node = node_name(info), o->epsilon = float_attribute(info, "epsilon"), o->act = string_attribute(info, "activation") == "silu";
  RETURN_IF(best(&o->isa));
  *kernel = o.release();
  return nullptr;
}

struct Rows {
  Norm n;
  NormKernel kernel;
  int64_t rows, each;
};

void norm_item(void* p, size_t item) {
  const Rows& r = *static_cast<Rows*>(p);
  int64_t from = int64_t(item) * r.each, to = from + r.each;
  r.kernel(r.n, from, to < r.rows ? to : r.rows);
}

OrtStatus* compute_norm(void* op, OrtKernelContext* ctx) {
  const LastNorm& o = *static_cast<LastNorm*>(op);
  Value x, gamma;
  RETURN_IF(input(ctx, 0, &x));
  RETURN_IF(input(ctx, 1, &gamma));
  if (x.rank < 1 || gamma.elements() != x.dims[x.rank - 1]) return fail("node " + o.node + ": gamma does not have one value for each channel");
  Rows r{};
  r.n = Norm{x.data, gamma.data, nullptr, x.dims[x.rank - 1], o.epsilon, o.act};
  r.kernel = o.isa->norm;
  RETURN_IF(output(ctx, 0, x.dims, x.rank, &r.n.y));
  if (r.n.channels == 0 || x.elements() == 0) return nullptr;
  r.rows = x.elements() / r.n.channels;
  r.each = (16384 + r.n.channels - 1) / r.n.channels;
  return api->KernelContext_ParallelFor(ctx, norm_item, size_t((r.rows + r.each - 1) / r.each), 0, &r);
}

template <size_t inputs, size_t needed, size_t outputs>
OrtCustomOp describe_op() {
  OrtCustomOp op{};
  op.version = kApiVersion;
  op.GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
  op.GetInputTypeCount = [](const OrtCustomOp*) { return inputs; };
  op.GetInputType = [](const OrtCustomOp*, size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
  op.GetInputCharacteristic = [](const OrtCustomOp*, size_t i) { return i < needed ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; };
  op.GetInputMemoryType = [](const OrtCustomOp*, size_t) { return OrtMemTypeDefault; };
  op.GetOutputTypeCount = [](const OrtCustomOp*) { return outputs; };
  op.GetOutputType = [](const OrtCustomOp*, size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
  op.GetOutputCharacteristic = [](const OrtCustomOp*, size_t i) { return i == 0 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; };
  op.GetVariadicInputMinArity = [](const OrtCustomOp*) { return 0; };
  op.GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 0; };
  op.GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 0; };
  op.GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 0; };
  op.GetStartVersion = [](const OrtCustomOp*) { return 1; };
  op.GetEndVersion = [](const OrtCustomOp*) { return 1; };
  return op;
}

}  // namespace

OrtCustomOp clip_conv() {
  OrtCustomOp op = describe_op<5, 3, 2>();
  op.GetName = [](const OrtCustomOp*) { return "ClipConv"; };
  op.CreateKernelV2 = create_conv;
  op.KernelComputeV2 = compute_conv;
  op.KernelDestroy = [](void* kernel) { delete static_cast<ClipConv*>(kernel); };
  return op;
}

OrtCustomOp last_norm() {
  OrtCustomOp op = describe_op<2, 2, 1>();
  op.GetName = [](const OrtCustomOp*) { return "LastNorm"; };
  op.CreateKernelV2 = create_norm;
  op.KernelComputeV2 = compute_norm;
  op.KernelDestroy = [](void* kernel) { delete static_cast<LastNorm*>(kernel); };
  return op;
}

}  // namespace vdx
