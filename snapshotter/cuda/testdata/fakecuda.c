/* A driver library for tests: it keeps each process's state as the real one does, writes every checkpoint call to the file
   FAKE_LOG and fails the call that FAKE_FAIL names ("cuCheckpointProcessRestore=2"). -DOLD leaves the checkpoint calls out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fails(const char *call) {
  const char *f = getenv("FAKE_FAIL");
  size_t n = strlen(call);
  return f && !strncmp(f, call, n) && f[n] == '=' ? atoi(f + n + 1) : 0;
}

int cuInit(unsigned flags) { return fails("cuInit"); }
int cuDriverGetVersion(int *v) { *v = 12080; return 0; }
int cuDeviceGetCount(int *n) { *n = getenv("FAKE_GPUS") ? atoi(getenv("FAKE_GPUS")) : 1; return 0; }
int cuDeviceGet(int *d, int i) { *d = 40 + i; return 0; }
int cuDeviceGetName(char *name, int n, int d) { snprintf(name, n, "Fake %d", d); return 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { *c = malloc(1); return 0; }
int cuCtxSetCurrent(void *c) { return c ? 0 : 201; }
int cuMemAlloc_v2(unsigned long long *p, size_t n) { *p = (size_t)malloc(n); return fails("cuMemAlloc_v2"); }
int cuMemsetD32_v2(unsigned long long p, unsigned v, size_t n) {
  for (size_t i = 0; i < n; i++) ((unsigned *)p)[i] = v;
  return 0;
}
int cuMemcpyDtoH_v2(void *to, unsigned long long p, size_t n) {
  memcpy(to, (void *)p, n);
  if (getenv("FAKE_SPOIL")) ++*(unsigned char *)to;
  return 0;
}
int cuGetErrorName(int r, const char **s) {
  switch (r) {
  case 2: *s = "CUDA_ERROR_OUT_OF_MEMORY"; return 0;
  case 100: *s = "CUDA_ERROR_NO_DEVICE"; return 0;
  case 401: *s = "CUDA_ERROR_ILLEGAL_STATE"; return 0;
  case 600: *s = "CUDA_ERROR_NOT_READY"; return 0;
  case 801: *s = "CUDA_ERROR_NOT_SUPPORTED"; return 0;
  }
  return 1;
}

#ifndef OLD
static struct { int pid, state; } table[64];

static int *state_of(int pid) {
  for (int i = 0; i < 64; i++) {
    if (!table[i].pid) table[i].pid = pid;
    if (table[i].pid == pid) return &table[i].state;
  }
  abort();
}

static int move(const char *call, int pid, unsigned argument, int from, int to) {
  FILE *log = getenv("FAKE_LOG") ? fopen(getenv("FAKE_LOG"), "a") : NULL;
  if (log) { fprintf(log, "%s %d %u\n", call + strlen("cuCheckpointProcess"), pid, argument); fclose(log); }
  int r = fails(call);
  const char *only = getenv("FAKE_PID");
  if (r && (!only || atoi(only) == pid)) return r;
  if (*state_of(pid) != from) return 401;
  *state_of(pid) = to;
  return 0;
}

int cuCheckpointProcessLock(int pid, unsigned *a) { return move("cuCheckpointProcessLock", pid, a[0], 0, 1); }
int cuCheckpointProcessCheckpoint(int pid, unsigned *a) { return move("cuCheckpointProcessCheckpoint", pid, a[0], 1, 2); }
int cuCheckpointProcessRestore(int pid, unsigned *a) { return move("cuCheckpointProcessRestore", pid, a[0], 2, 1); }
int cuCheckpointProcessUnlock(int pid, unsigned *a) { return move("cuCheckpointProcessUnlock", pid, a[0], 1, 0); }
int cuCheckpointProcessGetState(int pid, int *s) { *s = *state_of(pid); return pid >= 1000000 ? 3 : fails("cuCheckpointProcessGetState"); }
#endif
