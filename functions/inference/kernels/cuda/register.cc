// The library's one entry, called by ONNX Runtime for each session that the library is given to.
#include "attention_op.h"
#include "clip.h"
#include "conv.h"
#include "fused.h"
#include "linear.h"

namespace videosdgx {
namespace {

const OrtApi* the_api = nullptr;

template <class K>
const OrtCustomOp* op() {
  static const Op<K> o;
  return &o;
}

// The domain outlives every session that uses it, so it is never released.
OrtCustomOpDomain* domain() {
  static OrtCustomOpDomain* d = [] {
    OrtCustomOpDomain* made;
    check(api().CreateCustomOpDomain(kDomain, &made));
    for (const OrtCustomOp* o : {op<QuantLinearOf<kBFloat16>>(), op<QuantLinearOf<kHalf>>(), op<QuantLinearOf<kFloat>>(),
                                 op<CodeLinear<kBFloat16>>(), op<CodeLinear<kHalf>>(),
                                 op<NormOp<kBFloat16, kBFloat16, false, false>>(), op<NormOp<kBFloat16, kBFloat16, false, true>>(),
                                 op<NormOp<kBFloat16, kBFloat16, true, false>>(), op<NormOp<kBFloat16, kBFloat16, true, true>>(),
                                 op<NormOp<kFloat, kFloat, false, false>>(), op<NormOp<kFloat, kFloat, true, false>>(), op<NormOp<kFloat, kFloat, false, true>>(),
                                 op<NormOp<kFloat, kBFloat16, false, false>>(), op<NormOp<kFloat, kBFloat16, true, false>>(), op<NormOp<kFloat, kBFloat16, true, true>>(),
                                 op<NormOp<kFloat, kHalf, false, false>>(), op<NormOp<kFloat, kHalf, true, false>>(), op<NormOp<kFloat, kHalf, true, true>>(),
                                 op<GatedAdd<kBFloat16, kBFloat16>>(), op<GatedAdd<kFloat, kFloat>>(), op<GatedAdd<kFloat, kBFloat16>>(), op<GatedAdd<kFloat, kHalf>>(),
                                 op<RMSRotary<kBFloat16>>(), op<RMSRotary<kHalf>>(), op<RMSRotary<kFloat>>(), op<QuantizeRows<kBFloat16>>(), op<QuantizeRows<kHalf>>(),
                                 op<ChannelNorm<kBFloat16>>(), op<ChannelNorm<kHalf>>(), op<ChannelNorm<kFloat>>(),
                                 op<Double<kBFloat16>>(), op<Double<kHalf>>(), op<Double<kFloat>>(),
                                 op<ClipConv<kBFloat16>>(), op<ClipConv<kHalf>>(), op<LastNorm<kBFloat16>>(), op<LastNorm<kHalf>>(),
                                 op<Attention<kBFloat16>>(), op<Attention<kHalf>>()})
      check(api().CustomOpDomain_Add(made, o));
    return made;
  }();
  return d;
}

}  // namespace

const OrtApi& api() { return *the_api; }

}  // namespace videosdgx

extern "C" __attribute__((visibility("default"))) OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  constexpr uint32_t oldest = 22;  // the ONNX Runtime of 2025 on; newer ones keep the table's head as it is
  const OrtApi* got = base->GetApi(oldest);
  if (!got) return nullptr;
  videosdgx::the_api = got;
  try {
    return got->AddCustomOpDomain(options, videosdgx::domain());
  } catch (const std::exception& e) {
    return got->CreateStatus(ORT_FAIL, e.what());
  }
}
