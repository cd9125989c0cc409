// The driver library, loaded at run time. No CUDA header is needed: a CUresult is an int, a CUdevice an int, a CUcontext a
// pointer and a CUdeviceptr 64 bits on every platform that CUDA knows.
#ifndef VIDEOSDGX_CUDA_SHIM_H
#define VIDEOSDGX_CUDA_SHIM_H
#include <stddef.h>

enum { VD_INIT, VD_VERSION, VD_ERROR_NAME, VD_COUNT, VD_DEVICE, VD_NAME, VD_RETAIN, VD_CURRENT, VD_ALLOC, VD_SET, VD_READ,
       VD_LOCK, VD_CHECKPOINT, VD_RESTORE, VD_UNLOCK, VD_STATE, VD_SYMBOLS };
enum { VD_ABSENT = -1 };                                   // a call whose symbol the library lacks

typedef struct { void *handle; void *symbol[VD_SYMBOLS]; } vd_library;

extern const char *const vd_symbols[VD_SYMBOLS];
vd_library *vd_open(const char *path, const char **why);  // NULL and the loader's words on failure
int vd_init(vd_library *l);
int vd_version(vd_library *l, int *version);               // 1000 · major + 10 · minor
int vd_error_name(vd_library *l, int result, const char **name);
int vd_count(vd_library *l, int *n);
int vd_name(vd_library *l, int i, char *name, int length);
int vd_hold(vd_library *l, size_t bytes, unsigned value, unsigned long long *address); // a context on device 0, with filled memory
int vd_read(vd_library *l, unsigned long long address, unsigned *value);
int vd_lock(vd_library *l, int pid, unsigned milliseconds);
int vd_checkpoint(vd_library *l, int pid);
int vd_restore(vd_library *l, int pid);
int vd_unlock(vd_library *l, int pid);
int vd_state(vd_library *l, int pid, int *state);
#endif
