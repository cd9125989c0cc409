// The library's entry: the operators of the domain ai.videosdgx, version 1.
#include "op.h"

namespace vdx {

const OrtApi* api = nullptr;

namespace {

// Domain outlives every session: the library is not unloaded while one uses it.
struct Domain {
  OrtCustomOpDomain* domain = nullptr;
  OrtCustomOp ops[3] = {quant_linear(), clip_conv(), last_norm()};
  OrtStatus* add(OrtSessionOptions* options) {
    if (!domain) {
      RETURN_IF(api->CreateCustomOpDomain("ai.videosdgx", &domain));
      for (OrtCustomOp& op : ops) RETURN_IF(api->CustomOpDomain_Add(domain, &op));
    }
    return api->AddCustomOpDomain(options, domain);
  }
};

}  // namespace
}  // namespace vdx

extern "C" __attribute__((visibility("default"))) OrtStatus* ORT_API_CALL RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  const OrtApi* found = base->GetApi(vdx::kApiVersion);
  if (!found) return base->GetApi(1)->CreateStatus(ORT_FAIL, "this library of operators needs ONNX Runtime 1.24 or newer: run `make setup`");
  vdx::api = found;
  static vdx::Domain domain;
  return domain.add(options);
}
