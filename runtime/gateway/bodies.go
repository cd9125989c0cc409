package gateway

import "sync"

// Bodies of these lengths, in bytes, are worth keeping the memory of: new memory is cleared, or faulted in page by page, and
// has the garbage collector run after every other event of some MiB.
const (
	keptLeast = 256 << 10
	keptMost  = 8 << 20
	keptUnit  = 1 << 20 // lengths are rounded up to it, so that one body's memory does for another
)

var bodies sync.Pool // of *[]byte

// roomFor gives memory for a body of n bytes, which are not cleared where they were another's: they are to be overwritten.
func roomFor(n int) []byte {
	if n < keptLeast || n > keptMost {
		return make([]byte, n)
	}
	if p, _ := bodies.Get().(*[]byte); p != nil && cap(*p) >= n {
		return (*p)[:n]
	}
	return make([]byte, n, (n+keptUnit-1)/keptUnit*keptUnit)
}

// FreeBody gives the memory of what ReadBody read to the next body. Nobody may look at it any more.
func FreeBody(b []byte) {
	if cap(b) >= keptLeast && cap(b) <= keptMost {
		bodies.Put(&b)
	}
}
