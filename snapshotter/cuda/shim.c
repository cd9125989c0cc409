//go:build linux

#include "shim.h"
#include <dlfcn.h>
#include <stdlib.h>

const char *const vd_symbols[VD_SYMBOLS] = {
    "cuInit", "cuDriverGetVersion", "cuGetErrorName", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName",
    "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuMemAlloc_v2", "cuMemsetD32_v2", "cuMemcpyDtoH_v2",
    "cuCheckpointProcessLock", "cuCheckpointProcessCheckpoint", "cuCheckpointProcessRestore", "cuCheckpointProcessUnlock",
    "cuCheckpointProcessGetState"};

vd_library *vd_open(const char *path, const char **why) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) { *why = dlerror(); return NULL; }
  vd_library *l = calloc(1, sizeof *l);
  l->handle = handle;
  for (int i = 0; i < VD_SYMBOLS; i++) l->symbol[i] = dlsym(handle, vd_symbols[i]);
  return l;
}

#define CALL(i, types, ...) (l->symbol[i] ? ((int (*) types)l->symbol[i])(__VA_ARGS__) : VD_ABSENT)

int vd_init(vd_library *l) { return CALL(VD_INIT, (unsigned), 0); }
int vd_version(vd_library *l, int *version) { return CALL(VD_VERSION, (int *), version); }
int vd_error_name(vd_library *l, int result, const char **name) { return CALL(VD_ERROR_NAME, (int, const char **), result, name); }
int vd_count(vd_library *l, int *n) { return CALL(VD_COUNT, (int *), n); }

int vd_name(vd_library *l, int i, char *name, int length) {
  int device, r = CALL(VD_DEVICE, (int *, int), &device, i);
  return r ? r : CALL(VD_NAME, (char *, int, int), name, length, device);
}

int vd_hold(vd_library *l, size_t bytes, unsigned value, unsigned long long *address) {
  int device, r;
  void *context;
  if ((r = CALL(VD_DEVICE, (int *, int), &device, 0))) return r;
  if ((r = CALL(VD_RETAIN, (void **, int), &context, device))) return r;
  if ((r = CALL(VD_CURRENT, (void *), context))) return r;
  if ((r = CALL(VD_ALLOC, (unsigned long long *, size_t), address, bytes))) return r;
  return CALL(VD_SET, (unsigned long long, unsigned, size_t), *address, value, bytes / 4);
}

int vd_read(vd_library *l, unsigned long long address, unsigned *value) {
  return CALL(VD_READ, (void *, unsigned long long, size_t), value, address, sizeof *value);
}

// The argument structures are reserved room but for the lock's first field: 64 bytes in CUDA 12.8, and more than enough here.
typedef struct { unsigned first; unsigned char reserved[252]; } vd_arguments;

int vd_lock(vd_library *l, int pid, unsigned milliseconds) {
  vd_arguments a = {.first = milliseconds};
  return CALL(VD_LOCK, (int, void *), pid, &a);
}
int vd_checkpoint(vd_library *l, int pid) { vd_arguments a = {0}; return CALL(VD_CHECKPOINT, (int, void *), pid, &a); }
int vd_restore(vd_library *l, int pid) { vd_arguments a = {0}; return CALL(VD_RESTORE, (int, void *), pid, &a); }
int vd_unlock(vd_library *l, int pid) { vd_arguments a = {0}; return CALL(VD_UNLOCK, (int, void *), pid, &a); }
int vd_state(vd_library *l, int pid, int *state) { return CALL(VD_STATE, (int, int *), pid, state); }
