package ort

/*
#include <malloc.h>
#include "pool.h"

// One heap for all threads, whose blocks up to 32 MiB (the most that glibc takes) come from it: buffers are used again
// instead of being mapped and zeroed by the kernel for every node, and heap_trim can return all of it. A thread that
// allocates before this has run would get a heap of its own, whose end is never returned: hence the constructor, which
// runs before Go starts its threads.
__attribute__((constructor)) static void heap_setup(void) {
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 2147483647);
}

static void heap_trim(void) {
	pool_drop();
	malloc_trim(0);
}
*/
import "C"

func trimHeap() { C.heap_trim() }
