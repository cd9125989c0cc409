#define _GNU_SOURCE
#include "shim.h"
#include "pool.h"

#include <dlfcn.h>
#include <stdio.h>

static void *library;
const OrtApi *ort_api;
OrtEnv *ort_env;
const char *ort_version;

static char *problem(const char *text) { return strdup(text ? text : "unknown error"); }

static OrtMemoryInfo *host;
static void (*none)(void); // throws std::bad_alloc

// host_take throws where there is no memory: the library does not look at what it gets, and makes an error of what is thrown.
static void *host_take(OrtAllocator *a, size_t n) {
	(void)a;
	void *p = n ? pool_take(n) : NULL;
	if (n && !p) none();
	return p;
}

static void host_give(OrtAllocator *a, void *p) {
	(void)a;
	pool_give(p);
}

static const OrtMemoryInfo *host_info(const OrtAllocator *a) {
	(void)a;
	return host;
}

// pooled gives the CPU's tensors of all sessions the pool's memory, unless the library has a C++ library hidden within, whose
// exceptions nobody else can throw: it allocates by itself then.
static OrtStatus *pooled(void) {
	if (!(none = (void (*)(void))dlsym(library, "_ZSt17__throw_bad_allocv"))) return NULL;
	static OrtAllocator pool = {.version = ORT_API_VERSION, .Alloc = host_take, .Free = host_give, .Info = host_info, .Reserve = host_take};
	OrtStatus *s = host ? NULL : ort_api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &host);
	return s ? s : ort_api->RegisterAllocator(ort_env, &pool);
}

char *ort_load(const char *path) {
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) return problem(dlerror());
	const OrtApiBase *(*base)(void) = (const OrtApiBase *(*)(void))dlsym(library, "OrtGetApiBase");
	if (!base) return problem(dlerror());
	ort_version = base()->GetVersionString();
	ort_api = base()->GetApi(ORT_API_VERSION);
	if (!ort_api) {
		char text[128];
		snprintf(text, sizeof text, "it is version %s, 1.%d or newer is needed", ort_version, ORT_API_VERSION);
		return problem(text);
	}
	return NULL;
}

OrtStatus *ort_begin(void) {
	OrtStatus *s = ort_env ? NULL : ort_api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "videosdgx", &ort_env);
	if (!s) s = ort_api->DisableTelemetryEvents(ort_env);
	return s ? s : pooled();
}

char *ort_preload(const char *path) {
	return dlopen(path, RTLD_NOW | RTLD_LOCAL) ? NULL : problem(dlerror());
}

int ort_capability(int index) {
	enum { major_of = 75, minor_of = 76 }; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_…
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!lib) return 0;
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(lib, "cuInit");
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(lib, "cuDeviceGet");
	int (*attribute)(int *, int, int) = (int (*)(int *, int, int))dlsym(lib, "cuDeviceGetAttribute");
	int device = 0, major = 0, minor = 0;
	if (!init || !get || !attribute || init(0) || get(&device, index) || attribute(&major, major_of, device) || attribute(&minor, minor_of, device)) return 0;
	return 10 * major + minor;
}

OrtStatus *ort_cuda(OrtSessionOptions *o, const char **keys, const char **values, size_t n) {
	OrtCUDAProviderOptionsV2 *cuda = NULL;
	OrtStatus *s = ort_api->CreateCUDAProviderOptions(&cuda);
	if (s) return s;
	s = ort_api->UpdateCUDAProviderOptions(cuda, keys, values, n);
	if (!s) s = ort_api->SessionOptionsAppendExecutionProvider_CUDA_V2(o, cuda);
	ort_api->ReleaseCUDAProviderOptions(cuda);
	return s;
}

OrtStatus *ort_settle(int index) { // the thread's current device need not be the one that is meant
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), *context = NULL;
	if (!lib) return ort_api->CreateStatus(ORT_FAIL, "libcuda.so.1 cannot be opened");
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(lib, "cuDeviceGet");
	int (*retain)(void **, int) = (int (*)(void **, int))dlsym(lib, "cuDevicePrimaryCtxRetain");
	int (*release)(int) = (int (*)(int))dlsym(lib, "cuDevicePrimaryCtxRelease_v2");
	int (*push)(void *) = (int (*)(void *))dlsym(lib, "cuCtxPushCurrent_v2");
	int (*pop)(void **) = (int (*)(void **))dlsym(lib, "cuCtxPopCurrent_v2");
	int (*synchronize)(void) = (int (*)(void))dlsym(lib, "cuCtxSynchronize");
	int device = 0, code = -1;
	if (get && retain && release && push && pop && synchronize && !(code = get(&device, index)) && !(code = retain(&context, device))) {
		if (!(code = push(context))) {
			code = synchronize();
			pop(&context);
		}
		release(device);
	}
	dlclose(lib);
	if (!code) return NULL;
	char text[96];
	snprintf(text, sizeof text, "waiting for copies to GPU %d: the CUDA driver says %d", index, code);
	return ort_api->CreateStatus(ORT_FAIL, text);
}

OrtStatus *ort_outputs(OrtIoBinding *b, OrtValue **v, size_t n) {
	OrtAllocator *a = NULL;
	OrtValue **all = NULL;
	size_t count = 0;
	OrtStatus *s = ort_api->GetAllocatorWithDefaultOptions(&a);
	if (!s) s = ort_api->GetBoundOutputValues(b, a, &all, &count);
	if (s) return s;
	for (size_t i = 0; i < count; i++) {
		if (i < n) v[i] = all[i];
		else ort_api->ReleaseValue(all[i]);
	}
	if (all) a->Free(a, all);
	return count == n ? NULL : ort_api->CreateStatus(ORT_FAIL, "the library gave another number of outputs than were bound");
}

OrtStatus *ort_type_shape(const OrtValue *v, int *type, int64_t *dims, size_t room, size_t *n) {
	OrtTensorTypeAndShapeInfo *info = NULL;
	ONNXTensorElementDataType t = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
	OrtStatus *s = ort_api->GetTensorTypeAndShape(v, &info);
	if (s) return s;
	s = ort_api->GetTensorElementType(info, &t);
	if (!s) s = ort_api->GetDimensionsCount(info, n);
	if (!s && dims && *n <= room) s = ort_api->GetDimensions(info, dims, *n);
	*type = (int)t;
	ort_api->ReleaseTensorTypeAndShapeInfo(info);
	return s;
}
