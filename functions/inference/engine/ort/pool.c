#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { line = 64, page = 4096, large = 256 << 10, spare = 32 << 20 };

// block stands before a buffer, which begins a line behind it.
typedef struct block {
	size_t bytes; // of the mapping, 0: malloc's
	struct block *older, *newer;
} block;

_Static_assert(sizeof(block) <= line, "a block's head is a line at most");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *oldest, *newest; // of those kept
static size_t used, kept, most;

static void detach(block *b) {
	*(b->older ? &b->older->newer : &oldest) = b->newer;
	*(b->newer ? &b->newer->older : &newest) = b->older;
	kept -= b->bytes;
}

static void attach(block *b) {
	b->older = newest, b->newer = NULL;
	*(newest ? &newest->newer : &oldest) = b;
	newest = b;
	kept += b->bytes;
}

static void drop(block *b) {
	detach(b);
	munmap(b, b->bytes);
}

// fitting is the smallest that holds the bytes and wastes a quarter of them at most; of equals the one given back last.
static block *fitting(size_t bytes) {
	block *best = NULL;
	for (block *b = newest; b; b = b->older)
		if (b->bytes >= bytes && b->bytes <= bytes + bytes / 4 && (!best || b->bytes < best->bytes)) best = b;
	return best;
}

static block *mapped(size_t bytes) {
	void *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return m == MAP_FAILED ? NULL : m;
}

static block *take(size_t bytes) {
	block *b = fitting(bytes);
	if (b) {
		detach(b);
	} else {
		size_t room = (used + bytes > most ? used + bytes : most) + spare;
		while (oldest && used + bytes + kept > room) drop(oldest);
		while (!(b = mapped(bytes)) && oldest) drop(oldest);
		if (!b) return NULL;
		b->bytes = bytes;
	}
	used += b->bytes;
	if (used > most) most = used;
	return b;
}

void *pool_take(size_t n) {
	block *b = NULL;
	if (n > SIZE_MAX - page - line) return NULL;
	if (n < large) {
		if (posix_memalign((void **)&b, line, n + line)) return NULL;
		b->bytes = 0;
		return (char *)b + line;
	}
	pthread_mutex_lock(&lock);
	b = take((n + line + page - 1) / page * page);
	pthread_mutex_unlock(&lock);
	return b ? (char *)b + line : NULL;
}

void pool_give(void *p) {
	if (!p) return;
	block *b = (block *)((char *)p - line);
	if (!b->bytes) {
		free(b);
		return;
	}
	pthread_mutex_lock(&lock);
	used -= b->bytes;
	attach(b);
	pthread_mutex_unlock(&lock);
}

void pool_drop(void) {
	pthread_mutex_lock(&lock);
	while (oldest) drop(oldest);
	most = used;
	pthread_mutex_unlock(&lock);
}

void pool_count(size_t *in_use, size_t *waiting, size_t *peak) {
	pthread_mutex_lock(&lock);
	*in_use = used, *waiting = kept, *peak = most;
	pthread_mutex_unlock(&lock);
}
