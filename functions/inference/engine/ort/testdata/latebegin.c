// latebegin.c is ONNX Runtime whose environment does not begin so many times, as where memory is out. It opens the library at LATE_LIBRARY.
#include "include/onnxruntime_c_api.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const OrtApiBase *real;
static OrtApi api;
static int failures;

static OrtStatus *late(OrtLoggingLevel level, const char *name, OrtEnv **out) {
	const OrtApi *of = real->GetApi(ORT_API_VERSION);
	return failures-- > 0 ? of->CreateStatus(ORT_FAIL, "std::bad_alloc") : of->CreateEnv(level, name, out);
}

static const OrtApi *get(uint32_t version) {
	memcpy(&api, real->GetApi(version), sizeof api);
	*(OrtStatus * (**)(OrtLoggingLevel, const char *, OrtEnv **)) & api.CreateEnv = late;
	return &api;
}

static const char *version(void) { return real->GetVersionString(); }

static const OrtApiBase base = {get, version};

const OrtApiBase *OrtGetApiBase(void) {
	void *lib = dlopen(getenv("LATE_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
	failures = atoi(getenv("LATE_FAILURES"));
	real = ((const OrtApiBase *(*)(void))dlsym(lib, "OrtGetApiBase"))();
	return &base;
}
