// A CUDA driver whose GPU is memory of the host. Copies are made as late as they may be: when their event or stream is waited for.
// FAKE_MEMORY is how many bytes the GPU has, FAKE_FAIL the name of a call that fails with 700. Calls without a current context fail with
// 201. Every context that is released adds a line to FAKE_LOG: how many of its things are left.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct copy {
	void *to;
	const void *from;
	size_t n;
	struct copy *next;
} copy;
typedef struct {
	copy *first, **last;
} stream;
typedef struct {
	stream *of;
} event;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int depth;
static int left;
static size_t used;
static struct {
	uint64_t at;
	size_t n;
} taken[64];

static int things(int n) {
	pthread_mutex_lock(&lock);
	left += n;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int refused(const char *call) {
	const char *f = getenv("FAKE_FAIL");
	return f && !strcmp(f, call) ? 700 : depth ? 0 : 201;
}
#define CALL() do { int code = refused(__func__); if (code) return code; } while (0)

static void run(stream *s) {
	for (copy *c = s->first, *next; c; c = next) {
		memcpy(c->to, c->from, c->n);
		next = c->next;
		free(c);
	}
	s->first = NULL, s->last = &s->first;
}

int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *d, int i) { *d = i; return i ? 101 : 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { *c = &left; return things(1); }
int cuDevicePrimaryCtxRelease_v2(int d) {
	things(-1);
	const char *path = getenv("FAKE_LOG");
	FILE *f = path ? fopen(path, "a") : NULL;
	if (f) fprintf(f, "%d\n", left), fclose(f);
	return 0;
}
int cuCtxPushCurrent_v2(void *c) { return c == &left ? (depth++, 0) : 201; }
int cuCtxPopCurrent_v2(void **c) { *c = &left; return depth ? (depth--, 0) : 201; }

int cuMemAlloc_v2(uint64_t *p, size_t n) {
	CALL();
	const char *most = getenv("FAKE_MEMORY");
	if (most && used + n > (size_t)atoll(most)) return 2;
	void *m = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*p = (uintptr_t)m;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 64; i++)
		if (!taken[i].at) { taken[i].at = *p, taken[i].n = n; break; }
	used += n;
	pthread_mutex_unlock(&lock);
	return things(1);
}
int cuMemFree_v2(uint64_t p) {
	CALL();
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 64; i++)
		if (taken[i].at == p) munmap((void *)(uintptr_t)p, taken[i].n), used -= taken[i].n, taken[i].at = 0;
	pthread_mutex_unlock(&lock);
	return things(-1);
}
int cuMemHostAlloc(void **p, size_t n, unsigned flags) { CALL(); *p = malloc(n); return things(1); }
int cuMemFreeHost(void *p) { CALL(); free(p); return things(-1); }
int cuStreamCreate(void **s, unsigned flags) { CALL(); stream *n = calloc(1, sizeof *n); n->last = &n->first; *s = n; return things(1); }
int cuStreamDestroy_v2(void *s) { CALL(); free(s); return things(-1); }
int cuStreamSynchronize(void *s) { CALL(); run(s); return 0; }
int cuEventCreate(void **e, unsigned flags) { CALL(); *e = calloc(1, sizeof(event)); return things(1); }
int cuEventDestroy_v2(void *e) { CALL(); free(e); return things(-1); }
int cuEventRecord(void *e, void *s) { CALL(); ((event *)e)->of = s; return 0; }
int cuEventSynchronize(void *e) { CALL(); if (((event *)e)->of) run(((event *)e)->of); return 0; }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n, void *s) {
	CALL();
	copy *c = malloc(sizeof *c);
	*c = (copy){(void *)(uintptr_t)to, from, n, NULL};
	*((stream *)s)->last = c, ((stream *)s)->last = &c->next;
	return 0;
}
