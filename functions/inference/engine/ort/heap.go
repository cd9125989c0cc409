package ort

/*
#include <malloc.h>
#include <stddef.h>

// One heap for all threads whose blocks of any size come from it, so that buffers are used again instead of being mapped
// and zeroed by the kernel for every node.
static void heap_setup(void) {
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 2147483647);
}

static void heap_trim(void) { malloc_trim(0); }
*/
import "C"

func setupHeap() { C.heap_setup() }

func trimHeap() { C.heap_trim() }
