// QuantLinear as a custom operator of ONNX Runtime (domain ai.videosdgx, version 1): attributes, inputs and their checks.
#include <cstdlib>
#include <memory>

#include "linear.h"
#include "op.h"

namespace vdx {
namespace {

enum Input { kX, kCodes, kScales, kScales2, kTable, kZeroPoints, kBias, kInputs };
const char* const input_names[] = {"X", "codes", "scales", "scales2", "table", "zero_points", "bias"};

// Linear is one node.
struct Linear {
  std::string node;
  Weights w;
  bool dynamic;
  bool checked;  // the sizes of all inputs were known when the session was made
  const Isa* isa;
};

bool parse_format(const std::string& name, Format* f) {
  const struct {
    const char* name;
    Format format;
  } all[] = {{"bf16", Format::bf16}, {"fp8", Format::fp8}, {"nf4", Format::nf4}, {"nvfp4", Format::nvfp4}, {"int8", Format::int8}, {"int4", Format::int4}};
  for (const auto& a : all)
    if (name == a.name) {
      *f = a.format;
      return true;
    }
  return false;
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// measure fills in the sizes that follow from format, shape and block.
void measure(Weights& w) {
  w.row_blocks = w.block && w.format != Format::nf4 ? ceil_div(w.k, w.block) : 0;
  switch (w.format) {
    case Format::bf16: w.row_bytes = 2 * w.k; break;
    case Format::fp8: w.row_bytes = w.k; break;
    case Format::nf4: w.row_bytes = 0; break;
    case Format::int8: w.row_bytes = w.row_blocks * w.block; break;
    default: w.row_bytes = w.row_blocks * w.block / 2;
  }
}

OrtStatus* read_attributes(const OrtKernelInfo* info, Linear& l) {
  Weights& w = l.w;
  std::string format = string_attribute(info, "format"), activations = string_attribute(info, "activations");
  if (!parse_format(format, &w.format))
    return fail("node " + l.node + " has the weight format \"" + format + "\"; this library knows bf16, fp8, nf4, nvfp4, int8, int4: build the bundle again");
  w.k = int_attribute(info, "in_features", 0);
  w.n = int_attribute(info, "out_features", 0);
  constexpr int64_t most = int64_t(1) << 31;
  if (w.k < 1 || w.n < 1 || w.k > most || w.n > most) return fail("node " + l.node + " lacks in_features and out_features that make a matrix");
  bool blocked = w.format != Format::bf16 && w.format != Format::fp8;
  w.block = blocked ? int_attribute(info, "block", w.format == Format::nf4 ? 64 : w.format == Format::nvfp4 ? 16 : 32) : 0;
  if (blocked && (w.block < 16 || w.block > 4096 || (w.block & (w.block - 1)) || (w.format == Format::nvfp4 && w.block != 16)))
    return fail("node " + l.node + " has blocks of " + std::to_string(w.block) + ", which " + format + " cannot have");
  w.high_first = int_attribute(info, "high_first", w.format == Format::nf4) != 0;
  w.offset = float_attribute(info, "offset");
  if (activations != "" && activations != "none" && activations != "dynamic")
    return fail("node " + l.node + " wants activations \"" + activations + "\"; they are none or dynamic");
  l.dynamic = activations == "dynamic" && (w.format == Format::int8 || w.format == Format::int4) && w.block <= kIntDepth;
  measure(w);
  return nullptr;
}

// Piece describes an input that holds a part of the weight.
struct Piece {
  bool there = false;
  size_t elements = 0;
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
};

OrtStatus* describe(const OrtValue* v, Piece* p) {
  OrtTensorTypeAndShapeInfo* shape = nullptr;
  RETURN_IF(api->GetTensorTypeAndShape(v, &shape));
  OrtStatus* s = api->GetTensorShapeElementCount(shape, &p->elements);
  if (!s) s = api->GetTensorElementType(shape, &p->type);
  api->ReleaseTensorTypeAndShapeInfo(shape);
  p->there = true;
  return s;
}

// constant describes an input of the node; *known turns false when its value is not known yet.
OrtStatus* constant(const OrtKernelInfo* info, size_t index, Piece* p, bool* known) {
  size_t inputs = 0;
  RETURN_IF(api->KernelInfo_GetInputCount(info, &inputs));
  if (index >= inputs) return nullptr;
  char name[1024];
  size_t size = sizeof name;
  RETURN_IF(api->KernelInfo_GetInputName(info, index, name, &size));
  if (!name[0]) return nullptr;
  int is_constant = 0;
  const OrtValue* v = nullptr;
  RETURN_IF(api->KernelInfoGetConstantInput_tensor(info, index, &is_constant, &v));
  if (is_constant && v) return describe(v, p);
  *known = false;
  return nullptr;
}

OrtStatus* check_size(const Linear& l, const Piece (&pieces)[kInputs], Input i, int64_t want, ONNXTensorElementDataType type) {
  const Piece& p = pieces[i];
  if (want == 0 && p.there) return fail("node " + l.node + " has " + input_names[i] + ", which its weight format does not use");
  if (want > 0 && !p.there) return fail("node " + l.node + " lacks its " + input_names[i] + ": build the bundle again");
  if (want > 0 && (int64_t(p.elements) != want || p.type != type))
    return fail("node " + l.node + " has " + std::to_string(p.elements) + " " + input_names[i] + " of type " + std::to_string(p.type) + "; its shape [" +
                std::to_string(l.w.n) + ", " + std::to_string(l.w.k) + "] needs " + std::to_string(want) + " of type " + std::to_string(type));
  return nullptr;
}

// check compares the sizes of the weight's pieces with its shape, and notes in w which variant of the format they make.
OrtStatus* check(const Linear& l, const Piece (&p)[kInputs], Weights& w) {
  constexpr auto bytes = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, floats = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  int64_t blocks = w.n * w.row_blocks, codes = w.n * w.row_bytes, scales = 0, scales2 = 0, table = 0, zeros = 0;
  auto scale_type = floats;
  switch (w.format) {
    case Format::bf16: break;
    case Format::fp8:
      w.per_channel = p[kScales].there && p[kScales].elements != 1;
      scales = w.per_channel ? w.n : 1;
      break;
    case Format::nf4:
      codes = ceil_div(w.n * w.k, 2);
      scales = ceil_div(w.n * w.k, w.block);
      w.nested = p[kScales].there && p[kScales].type == bytes;
      if (w.nested) scale_type = bytes, scales2 = ceil_div(scales, 256), table = 256;
      break;
    case Format::nvfp4: scales = blocks, scale_type = bytes, scales2 = 1; break;
    default:
      scales = blocks;
      if (p[kZeroPoints].there) zeros = w.n * (w.format == Format::int8 ? w.row_blocks : ceil_div(w.row_blocks, 2));
  }
  RETURN_IF(check_size(l, p, kCodes, codes, bytes));
  RETURN_IF(check_size(l, p, kScales, scales, scale_type));
  RETURN_IF(check_size(l, p, kScales2, scales2, floats));
  RETURN_IF(check_size(l, p, kTable, table, floats));
  RETURN_IF(check_size(l, p, kZeroPoints, zeros, bytes));
  return check_size(l, p, kBias, p[kBias].there ? w.n : 0, floats);
}

OrtStatus* check_constants(const OrtKernelInfo* info, Linear& l) {
  Piece p[kInputs];
  l.checked = true;
  for (size_t i = kCodes; i < kInputs; i++) RETURN_IF(constant(info, i, &p[i], &l.checked));
  return l.checked ? check(l, p, l.w) : nullptr;
}

OrtStatus* create(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo* info, void** kernel) {
  auto l = std::make_unique<Linear>();
  l->node = node_name(info);
  l->w = Weights{};
  l->isa = choose();
  if (!l->isa) return fail("VIDEOSDGX_KERNELS_ISA names an instruction set that this machine or this library does not have; unset it");
  RETURN_IF(read_attributes(info, *l));
  RETURN_IF(check_constants(info, *l));
  *kernel = l.release();
  return nullptr;
}

// bind finds the inputs of this run, and checks those whose sizes were not known before.
OrtStatus* bind(const Linear& l, const OrtKernelContext* ctx, Job& j) {
  void* p[kInputs] = {};
  Piece pieces[kInputs];
  for (size_t i = kX; i < kInputs; i++) {
    const OrtValue* v = nullptr;
    RETURN_IF(value(ctx, i, &v));
    if (!v) continue;
    RETURN_IF(api->GetTensorMutableData(const_cast<OrtValue*>(v), &p[i]));
    if (!l.checked) RETURN_IF(describe(v, &pieces[i]));
  }
  if (!l.checked) RETURN_IF(check(l, pieces, j.w));
  j.x = static_cast<const float*>(p[kX]);
  j.w.codes = static_cast<const uint8_t*>(p[kCodes]);
  j.w.scales = static_cast<const float*>(p[kScales]);
  j.w.scale_codes = static_cast<const uint8_t*>(p[kScales]);
  j.w.scales2 = static_cast<const float*>(p[kScales2]);
  j.w.table = static_cast<const float*>(p[kTable]);
  j.w.zero_points = static_cast<const uint8_t*>(p[kZeroPoints]);
  j.bias = static_cast<const float*>(p[kBias]);
  return nullptr;
}

constexpr size_t kMaxDims = 16;

// output makes Y: the dimensions of X, the last of them N. rows is the product of the others.
OrtStatus* output(const Linear& l, OrtKernelContext* ctx, int64_t* rows, float** y) {
  const OrtValue* x = nullptr;
  RETURN_IF(api->KernelContext_GetInput(ctx, kX, &x));
  OrtTensorTypeAndShapeInfo* shape = nullptr;
  RETURN_IF(api->GetTensorTypeAndShape(x, &shape));
  size_t rank = 0;
  int64_t dims[kMaxDims] = {};
  OrtStatus* s = api->GetDimensionsCount(shape, &rank);
  if (!s && rank <= kMaxDims) s = api->GetDimensions(shape, dims, rank);
  api->ReleaseTensorTypeAndShapeInfo(shape);
  RETURN_IF(s);
  if (rank == 0 || rank > kMaxDims || dims[rank - 1] != l.w.k)
    return fail("node " + l.node + " multiplies rows of " + std::to_string(l.w.k) + " values, X has rows of " + std::to_string(rank && rank <= kMaxDims ? dims[rank - 1] : 0));
  dims[rank - 1] = l.w.n;
  *rows = 1;
  for (size_t i = 0; i + 1 < rank; i++) *rows *= dims[i];
  OrtValue* v = nullptr;
  RETURN_IF(api->KernelContext_GetOutput(ctx, 0, dims, rank, &v));
  void* d = nullptr;
  RETURN_IF(api->GetTensorMutableData(v, &d));
  *y = static_cast<float*>(d);
  return nullptr;
}

struct Stage {
  const Job* job;
  void (*run)(const Job&, size_t);
};

void run_item(void* p, size_t item) {
  auto* s = static_cast<Stage*>(p);
  s->run(*s->job, item);
}

constexpr size_t kPackedBytes = 8 << 20;   // about what the packed rows of a job may take
constexpr size_t kAloneBytes = 2 << 20;    // packing less than this is not worth waking threads for

// rows_of_job is how many rows are multiplied at a time: as many as packed memory allows, in jobs of equal size.
int64_t rows_of_job(const Kernel& kernel, const Job& whole) {
  Job j = whole;
  j.m = kMaxRows;
  int64_t most = int64_t(kMaxRows * kPackedBytes / (kernel.pack_bytes(j) + 1)) / 64 * 64;
  if (most < 64) most = 64;
  return ceil_div(ceil_div(whole.m, ceil_div(whole.m, most)), 64) * 64;
}

OrtStatus* run_job(OrtKernelContext* ctx, const Kernel& kernel, Job& j) {
  Stage pack{&j, kernel.pack}, run{&j, kernel.run};
  size_t items = kernel.pack_items(j);
  if (kernel.pack_bytes(j) < kAloneBytes) {
    for (size_t i = 0; i < items; i++) kernel.pack(j, i);
  } else {
    RETURN_IF(api->KernelContext_ParallelFor(ctx, run_item, items, 0, &pack));
  }
  return api->KernelContext_ParallelFor(ctx, run_item, size_t(kernel.run_items(j)), 0, &run);
}

constexpr int64_t kManyRows = 128;
constexpr int64_t kPackedValues = 1 << 20;  // of x, which lie in a core's caches while they are used again

// kernel_of is the faster kernel for a product. Turning W costs for each of its values what packing x and turning y cost for
// each of theirs, so that few rows are better packed; packed values that leave the caches cost more than either.
const Kernel& kernel_of(const Linear& l, int64_t rows) {
  if (l.dynamic) return *l.isa->dynamic;
  bool wide = rows >= kManyRows && (rows >= l.w.k || rows * l.w.k > kPackedValues);
  return wide ? *l.isa->wide : *l.isa->exact;
}

OrtStatus* compute(void* op, OrtKernelContext* ctx) {
  const Linear& l = *static_cast<Linear*>(op);
  Job whole{};
  whole.w = l.w;
  RETURN_IF(output(l, ctx, &whole.m, &whole.y));
  const Kernel& kernel = kernel_of(l, whole.m);
  RETURN_IF(bind(l, ctx, whole));
  if (whole.m == 0) return nullptr;
  int64_t step = rows_of_job(kernel, whole);
  Job j = whole;
  j.m = step < whole.m ? step : whole.m;
  size_t bytes = (kernel.pack_bytes(j) + 63) / 64 * 64;
  std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(64, bytes), &std::free);
  if (bytes && !memory) return api->CreateStatus(ORT_FAIL, ("node " + l.node + ": no memory for " + std::to_string(bytes) + " bytes").c_str());
  j.packed = memory.get();
  for (int64_t row = 0; row < whole.m; row += step) {
    j.m = step < whole.m - row ? step : whole.m - row;
    j.x = whole.x + row * l.w.k;
    j.y = whole.y + row * l.w.n;
    RETURN_IF(run_job(ctx, kernel, j));
  }
  return nullptr;
}

ONNXTensorElementDataType input_type(const OrtCustomOp*, size_t i) {
  switch (i) {
    case kCodes:
    case kZeroPoints: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
    case kScales: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;  // float32, or uint8 where scales are coded
    default: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
}

}  // namespace

OrtCustomOp quant_linear() {
  OrtCustomOp op{};
  op.version = kApiVersion;
  op.GetName = [](const OrtCustomOp*) { return "QuantLinear"; };
  op.GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
  op.GetInputTypeCount = [](const OrtCustomOp*) { return size_t(kInputs); };
  op.GetInputType = input_type;
  op.GetInputCharacteristic = [](const OrtCustomOp*, size_t i) { return i <= kCodes ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; };
  op.GetInputMemoryType = [](const OrtCustomOp*, size_t) { return OrtMemTypeDefault; };
  op.GetOutputTypeCount = [](const OrtCustomOp*) { return size_t(1); };
  op.GetOutputType = [](const OrtCustomOp*, size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
  op.GetOutputCharacteristic = [](const OrtCustomOp*, size_t) { return INPUT_OUTPUT_REQUIRED; };
  op.GetVariadicInputMinArity = [](const OrtCustomOp*) { return 0; };
  op.GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 0; };
  op.GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 0; };
  op.GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 0; };
  op.GetStartVersion = [](const OrtCustomOp*) { return 1; };
  op.GetEndVersion = [](const OrtCustomOp*) { return 1; };
  op.CreateKernelV2 = create;
  op.KernelComputeV2 = compute;
  op.KernelDestroy = [](void* op_kernel) { delete static_cast<Linear*>(op_kernel); };
  return op;
}

}  // namespace vdx
