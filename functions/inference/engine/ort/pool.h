// The memory of the CPU's tensors. A buffer of a quarter of a megabyte or more is a mapping of its own, which is kept when it
// is given back and serves the next one of about its size: most of a graph's buffers are of few sizes, and the kernel need not
// map and clear them for every node. What is kept and what is in use are together never more than the most that was in use and
// 32 MiB: a buffer that fits none of those kept takes their place. So a run takes what its tensors take at their peak, those
// 32 MiB, and up to a quarter more where buffers serve smaller ones. malloc, which cut a heap into such buffers, took two to
// five times as much.
#pragma once
#include <stddef.h>

// pool_take gives n bytes, of which the first lies on a boundary of 64; NULL where there are none left.
void *pool_take(size_t n);

// pool_give takes back what pool_take gave; NULL is nothing.
void pool_give(void *p);

// pool_drop returns to the system what is kept.
void pool_drop(void);

// pool_count says how many bytes are in use, kept, and were at most in use since the last pool_drop; of large buffers alone.
void pool_count(size_t *used, size_t *kept, size_t *most);
