// An operator library with one operator: Twice, of the domain ai.videosdgx.
#include "include/onnxruntime_c_api.h"

static const OrtApi *api;

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *a, const OrtKernelInfo *info, void **kernel) { *kernel = (void *)1; return NULL; }

static OrtStatus *compute(void *kernel, OrtKernelContext *context) {
	const OrtValue *x;
	OrtValue *y;
	OrtTensorTypeAndShapeInfo *info;
	int64_t dims[1];
	float *from, *to;
	OrtStatus *s = api->KernelContext_GetInput(context, 0, &x);
	if (!s) s = api->GetTensorTypeAndShape(x, &info);
	if (!s) s = api->GetDimensions(info, dims, 1);
	if (!s) s = api->KernelContext_GetOutput(context, 0, dims, 1, &y);
	if (!s) s = api->GetTensorMutableData((OrtValue *)x, (void **)&from);
	if (!s) s = api->GetTensorMutableData(y, (void **)&to);
	if (s) return s;
	api->ReleaseTensorTypeAndShapeInfo(info);
	for (int64_t i = 0; i < dims[0]; i++) to[i] = 2 * from[i];
	return NULL;
}

static void destroy(void *kernel) {}
static const char *name(const OrtCustomOp *op) { return "Twice"; }
static const char *provider(const OrtCustomOp *op) { return NULL; }
static ONNXTensorElementDataType type(const OrtCustomOp *op, size_t i) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
static size_t one(const OrtCustomOp *op) { return 1; }
static OrtCustomOpInputOutputCharacteristic required(const OrtCustomOp *op, size_t i) { return INPUT_OUTPUT_REQUIRED; }
static OrtMemType memory(const OrtCustomOp *op, size_t i) { return OrtMemTypeDefault; }
static int since(const OrtCustomOp *op) { return 1; }
static int until(const OrtCustomOp *op) { return 1000; }

static OrtCustomOp twice = {
	.version = ORT_API_VERSION, .CreateKernelV2 = create, .KernelComputeV2 = compute, .KernelDestroy = destroy, .GetName = name,
	.GetExecutionProviderType = provider, .GetInputType = type, .GetInputTypeCount = one, .GetOutputType = type, .GetOutputTypeCount = one,
	.GetInputCharacteristic = required, .GetOutputCharacteristic = required, .GetInputMemoryType = memory,
	.GetStartVersion = since, .GetEndVersion = until,
};

OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
	api = base->GetApi(ORT_API_VERSION);
	OrtCustomOpDomain *domain;
	OrtStatus *s = api->CreateCustomOpDomain("ai.videosdgx", &domain);
	if (!s) s = api->CustomOpDomain_Add(domain, &twice);
	if (!s) s = api->AddCustomOpDomain(options, domain);
	return s;
}
