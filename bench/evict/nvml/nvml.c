// A simulated NVIDIA driver: just so much of NVML that a runtime finds one GPU and asks for its memory. The size is that of
// the environment variable SIMULATED_GPU_BYTES; all of it is free, because nothing ever runs there.
#include <stdlib.h>
#include <string.h>

typedef int ret;
typedef struct { unsigned long long total, free, used; } memory;

enum { success = 0, invalid = 2, not_supported = 3 };

static unsigned long long size(void) {
	const char *s = getenv("SIMULATED_GPU_BYTES");
	return s ? strtoull(s, 0, 10) : 0;
}

static ret text(char *out, unsigned n, const char *s) {
	if (strlen(s) >= n) return invalid;
	strcpy(out, s);
	return success;
}

ret nvmlInit_v2(void) { return success; }
ret nvmlInitWithFlags(unsigned flags) { (void)flags; return success; }
ret nvmlShutdown(void) { return success; }
const char *nvmlErrorString(ret r) { return r ? "not supported by the simulated driver" : "success"; }
ret nvmlSystemGetDriverVersion(char *out, unsigned n) { return text(out, n, "580.0"); }
ret nvmlSystemGetCudaDriverVersion(int *v) { *v = 13000; return success; }
ret nvmlDeviceGetCount_v2(unsigned *n) { *n = 1; return success; }
ret nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)1; return i ? invalid : success; }
ret nvmlDeviceGetName(void *d, char *out, unsigned n) { (void)d; return text(out, n, "simulated GPU"); }
ret nvmlDeviceGetUUID(void *d, char *out, unsigned n) { (void)d; return text(out, n, "GPU-simulated"); }
ret nvmlDeviceGetCudaComputeCapability(void *d, int *major, int *minor) { (void)d; *major = 12; *minor = 1; return success; }
ret nvmlDeviceGetMemoryInfo(void *d, memory *m) {
	(void)d;
	m->total = m->free = size();
	m->used = 0;
	return m->total ? success : not_supported;
}
ret nvmlDeviceGetComputeRunningProcesses(void *d, unsigned *n, void *all) {
	(void)d, (void)all;
	*n = 0;
	return success;
}
