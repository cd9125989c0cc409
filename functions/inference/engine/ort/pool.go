package ort

// #include "pool.h"
import "C"

import "unsafe"

// poolTake, poolGive and poolDrop are the pool's, for tests.
func poolTake(n int) unsafe.Pointer { return C.pool_take(C.size_t(n)) }
func poolGive(p unsafe.Pointer)     { C.pool_give(p) }
func poolDrop()                     { C.pool_drop() }

// poolCount is how many bytes the large buffers take that are in use and that are kept, and took at most.
func poolCount() (used, kept, most int) {
	var u, k, m C.size_t
	C.pool_count(&u, &k, &m)
	return int(u), int(k), int(m)
}
