// The calls that this package makes of ONNX Runtime's C API, one line each. The library is opened at run time.
#pragma once
#include "include/onnxruntime_c_api.h"

extern const OrtApi *ort_api;
extern OrtEnv *ort_env;
extern const char *ort_version;

// ort_load opens the library; NULL, or what went wrong (to be freed).
char *ort_load(const char *path);

// ort_begin starts the environment of the library that is open; once, but after an error as often as it takes.
OrtStatus *ort_begin(void);

// ort_preload opens another library and keeps it open; NULL, or what went wrong (to be freed).
char *ort_preload(const char *path);

static inline OrtErrorCode ort_code(OrtStatus *s) { return ort_api->GetErrorCode(s); }
static inline const char *ort_message(OrtStatus *s) { return ort_api->GetErrorMessage(s); }
static inline void ort_status_free(OrtStatus *s) { ort_api->ReleaseStatus(s); }

static inline OrtStatus *ort_options(OrtSessionOptions **o) { return ort_api->CreateSessionOptions(o); }
static inline void ort_options_free(OrtSessionOptions *o) { ort_api->ReleaseSessionOptions(o); }
static inline OrtStatus *ort_level(OrtSessionOptions *o, int level) { return ort_api->SetSessionGraphOptimizationLevel(o, (GraphOptimizationLevel)level); }
static inline OrtStatus *ort_threads(OrtSessionOptions *o, int n) { return ort_api->SetIntraOpNumThreads(o, n); }
static inline OrtStatus *ort_inter_threads(OrtSessionOptions *o, int n) { return ort_api->SetInterOpNumThreads(o, n); }
static inline OrtStatus *ort_no_arena(OrtSessionOptions *o) { return ort_api->DisableCpuMemArena(o); }
static inline OrtStatus *ort_no_pattern(OrtSessionOptions *o) { return ort_api->DisableMemPattern(o); }
static inline OrtStatus *ort_config(OrtSessionOptions *o, const char *key, const char *value) { return ort_api->AddSessionConfigEntry(o, key, value); }
static inline OrtStatus *ort_profile(OrtSessionOptions *o, const char *prefix) { return ort_api->EnableProfiling(o, prefix); }
static inline OrtStatus *ort_optimised_path(OrtSessionOptions *o, const char *path) { return ort_api->SetOptimizedModelFilePath(o, path); }
static inline OrtStatus *ort_initializer(OrtSessionOptions *o, const char *name, const OrtValue *v) { return ort_api->AddInitializer(o, name, v); }
static inline OrtStatus *ort_operators(OrtSessionOptions *o, const char *path) { return ort_api->RegisterCustomOpsLibrary_V2(o, path); }

// ort_capability asks the CUDA driver for a GPU's compute capability: 90 for 9.0; 0 where there is no driver, or no such GPU.
int ort_capability(int index);

// ort_settle waits for what the process has queued on a GPU.
OrtStatus *ort_settle(int index);

// ort_cuda puts the CUDA provider before the CPU's.
OrtStatus *ort_cuda(OrtSessionOptions *o, const char **keys, const char **values, size_t n);

static inline OrtStatus *ort_session(const char *path, OrtSessionOptions *o, OrtSession **s) { return ort_api->CreateSession(ort_env, path, o, s); }
static inline OrtStatus *ort_session_from(const void *model, size_t n, OrtSessionOptions *o, OrtSession **s) { return ort_api->CreateSessionFromArray(ort_env, model, n, o, s); }
static inline void ort_session_free(OrtSession *s) { ort_api->ReleaseSession(s); }

static inline OrtStatus *ort_run_options(OrtRunOptions **o) { return ort_api->CreateRunOptions(o); }
static inline OrtStatus *ort_terminate(OrtRunOptions *o) { return ort_api->RunOptionsSetTerminate(o); }
static inline OrtStatus *ort_run_config(OrtRunOptions *o, const char *key, const char *value) { return ort_api->AddRunConfigEntry(o, key, value); }
static inline void ort_run_options_free(OrtRunOptions *o) { ort_api->ReleaseRunOptions(o); }

static inline OrtStatus *ort_binding(OrtSession *s, OrtIoBinding **b) { return ort_api->CreateIoBinding(s, b); }
static inline void ort_binding_free(OrtIoBinding *b) { ort_api->ReleaseIoBinding(b); }
static inline OrtStatus *ort_bind_input(OrtIoBinding *b, const char *name, const OrtValue *v) { return ort_api->BindInput(b, name, v); }
static inline OrtStatus *ort_bind_output(OrtIoBinding *b, const char *name, const OrtMemoryInfo *m) { return ort_api->BindOutputToDevice(b, name, m); }
static inline OrtStatus *ort_bind_output_value(OrtIoBinding *b, const char *name, const OrtValue *v) { return ort_api->BindOutput(b, name, v); }
static inline OrtStatus *ort_run(OrtSession *s, OrtRunOptions *o, OrtIoBinding *b) { return ort_api->RunWithBinding(s, o, b); }

// ort_outputs fills v with the n outputs that were bound, in their order.
OrtStatus *ort_outputs(OrtIoBinding *b, OrtValue **v, size_t n);

static inline OrtStatus *ort_memory(const char *name, int index, OrtMemoryInfo **m) { return ort_api->CreateMemoryInfo(name, OrtDeviceAllocator, index, OrtMemTypeDefault, m); }
static inline void ort_memory_free(OrtMemoryInfo *m) { ort_api->ReleaseMemoryInfo(m); }

static inline OrtStatus *ort_tensor(const OrtMemoryInfo *m, void *data, size_t bytes, const int64_t *dims, size_t n, int type, OrtValue **v) {
	return ort_api->CreateTensorWithDataAsOrtValue(m, data, bytes, dims, n, (ONNXTensorElementDataType)type, v);
}
static inline OrtStatus *ort_data(OrtValue *v, void **data) { return ort_api->GetTensorMutableData(v, data); }
static inline void ort_value_free(OrtValue *v) { ort_api->ReleaseValue(v); }

// ort_type_shape gives the element type, the number of dimensions and, when dims has room for them, their sizes.
OrtStatus *ort_type_shape(const OrtValue *v, int *type, int64_t *dims, size_t room, size_t *n);
