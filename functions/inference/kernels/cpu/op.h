// What the operators share: the library's interface, attributes, refusals.
#pragma once
#include <string>

#include "onnxruntime_c_api.h"

namespace vdx {

extern const OrtApi* api;

constexpr uint32_t kApiVersion = 24;  // the oldest library that has all that is called here

#define RETURN_IF(call) \
  if (OrtStatus* failed = (call)) return failed

inline OrtStatus* fail(const std::string& message) { return api->CreateStatus(ORT_INVALID_ARGUMENT, message.c_str()); }

// Attributes that may be absent keep their default.
inline int64_t int_attribute(const OrtKernelInfo* info, const char* name, int64_t otherwise) {
  int64_t v = otherwise;
  if (OrtStatus* s = api->KernelInfoGetAttribute_int64(info, name, &v)) {
    api->ReleaseStatus(s);
    return otherwise;
  }
  return v;
}

inline float float_attribute(const OrtKernelInfo* info, const char* name) {
  float v = 0;
  if (OrtStatus* s = api->KernelInfoGetAttribute_float(info, name, &v)) {
    api->ReleaseStatus(s);
    return 0;
  }
  return v;
}

inline std::string string_attribute(const OrtKernelInfo* info, const char* name) {
  size_t size = 0;
  if (OrtStatus* s = api->KernelInfoGetAttribute_string(info, name, nullptr, &size)) api->ReleaseStatus(s);
  if (size == 0) return "";
  std::string v(size, 0);
  if (OrtStatus* s = api->KernelInfoGetAttribute_string(info, name, v.data(), &size)) {
    api->ReleaseStatus(s);
    return "";
  }
  return v.substr(0, size - 1);  // without the terminating zero
}

inline std::string node_name(const OrtKernelInfo* info) {
  char name[512];
  size_t size = sizeof name;
  if (OrtStatus* s = api->KernelInfo_GetNodeName(info, name, &size)) {
    api->ReleaseStatus(s);
    return "without a name";
  }
  return name;
}

// value is an input of this run; null when it is absent.
inline OrtStatus* value(const OrtKernelContext* ctx, size_t index, const OrtValue** v) {
  *v = nullptr;
  size_t inputs = 0;
  RETURN_IF(api->KernelContext_GetInputCount(ctx, &inputs));
  return index < inputs ? api->KernelContext_GetInput(ctx, index, v) : nullptr;
}

// The operators, for the domain.
OrtCustomOp quant_linear();
OrtCustomOp clip_conv();
OrtCustomOp last_norm();

}  // namespace vdx
