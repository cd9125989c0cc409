package schedule

import (
	"runtime"
	"sync"
)

// part is the least that a processor is given: shorter samples are gone through at once.
const part = 1 << 16

// parts has f go through n values, in parts side by side where there are many. A part's result may not depend on another's.
func parts(n int, f func(from, to int)) {
	count := min(n/part, runtime.GOMAXPROCS(0))
	if count < 2 {
		f(0, n)
		return
	}
	each := (n + count - 1) / count
	var all sync.WaitGroup
	for from := 0; from < n; from += each {
		all.Go(func() { f(from, min(from+each, n)) })
	}
	all.Wait()
}
