#define _GNU_SOURCE
#include "card.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

// The driver's calls, by what they are here: its name, and its arguments.
#define CALLS(X) \
	X(init, "cuInit", (unsigned)) \
	X(device, "cuDeviceGet", (int *, int)) \
	X(retain, "cuDevicePrimaryCtxRetain", (void **, int)) \
	X(release, "cuDevicePrimaryCtxRelease_v2", (int)) \
	X(push, "cuCtxPushCurrent_v2", (void *)) \
	X(pop, "cuCtxPopCurrent_v2", (void **)) \
	X(take, "cuMemAlloc_v2", (uint64_t *, size_t)) \
	X(give, "cuMemFree_v2", (uint64_t)) \
	X(pin, "cuMemHostAlloc", (void **, size_t, unsigned)) \
	X(unpin, "cuMemFreeHost", (void *)) \
	X(copy, "cuMemcpyHtoDAsync_v2", (uint64_t, const void *, size_t, void *)) \
	X(stream, "cuStreamCreate", (void **, unsigned)) \
	X(drain, "cuStreamSynchronize", (void *)) \
	X(unstream, "cuStreamDestroy_v2", (void *)) \
	X(event, "cuEventCreate", (void **, unsigned)) \
	X(mark, "cuEventRecord", (void *, void *)) \
	X(await, "cuEventSynchronize", (void *)) \
	X(unevent, "cuEventDestroy_v2", (void *))

enum { portable = 1, apart = 1, untimed = 2 }; // of CU_MEMHOSTALLOC_, CU_STREAM_NON_BLOCKING, CU_EVENT_DISABLE_TIMING

#define FIELD(name, symbol, arguments) int(*name) arguments;
static struct { CALLS(FIELD) int code; } cu;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define FIND(name, symbol, arguments) \
	if (!(cu.name = (int(*) arguments)dlsym(lib, symbol))) return;
static void find(void) { // the driver stays open, as the library keeps it
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	cu.code = card_no_driver;
	if (!lib) return;
	CALLS(FIND)
	cu.code = cu.init(0);
}

struct card {
	int device;
	void *context;
	uint64_t memory;
};

struct lane {
	card *card;
	int n;
	size_t bytes;
	char *buffers;
	void *stream, *events[];
};

// in is what a call says with the card's context current.
#define IN(c, call) ({ void *was; int code = cu.push((c)->context); if (!code) { code = (call); cu.pop(&was); } code; })

int card_open(int index, size_t bytes, card **out) {
	pthread_once(&once, find);
	if (cu.code) return cu.code;
	card *c = calloc(1, sizeof *c);
	if (!c) return card_out_of_memory;
	int code = cu.device(&c->device, index);
	if (!code) code = cu.retain(&c->context, c->device);
	if (!code) code = IN(c, cu.take(&c->memory, bytes));
	if (!code) {
		*out = c;
		return 0;
	}
	card_free(c);
	return code;
}

void *card_memory(const card *c) { return (void *)(uintptr_t)c->memory; }

int card_free(card *c) {
	int code = c->memory ? IN(c, cu.give(c->memory)) : 0;
	if (c->context) cu.release(c->device);
	free(c);
	return code;
}

int lane_open(card *c, size_t bytes, int n, lane **out) {
	lane *l = calloc(1, sizeof *l + n * sizeof *l->events);
	if (!l) return card_out_of_memory;
	l->card = c, l->n = n, l->bytes = bytes;
	int code = IN(c, cu.pin((void **)&l->buffers, n * bytes, portable));
	if (!code) code = IN(c, cu.stream(&l->stream, apart));
	for (int i = 0; i < n && !code; i++) code = IN(c, cu.event(&l->events[i], untimed));
	if (!code) {
		*out = l;
		return 0;
	}
	lane_close(l);
	return code;
}

void *lane_buffer(const lane *l, int i) { return l->buffers + i * l->bytes; }

static int sent(lane *l, int i, size_t at, size_t n) {
	int code = cu.copy(l->card->memory + at, lane_buffer(l, i), n, l->stream);
	return code ? code : cu.mark(l->events[i], l->stream);
}

int lane_copy(lane *l, int i, size_t at, size_t n) { return IN(l->card, sent(l, i, at, n)); }

int lane_wait(lane *l, int i) { return IN(l->card, cu.await(l->events[i])); }

int lane_close(lane *l) {
	int code = l->stream ? IN(l->card, cu.drain(l->stream)) : 0;
	for (int i = 0; i < l->n; i++)
		if (l->events[i]) IN(l->card, cu.unevent(l->events[i]));
	if (l->stream) IN(l->card, cu.unstream(l->stream));
	if (l->buffers) IN(l->card, cu.unpin(l->buffers));
	free(l);
	return code;
}
