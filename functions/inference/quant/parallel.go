package quant

import (
	"runtime"
	"sync"
)

// parallel calls f for consecutive ranges that make up [0, n), one goroutine a core, and returns the first error in order.
func parallel(n int, f func(from, to int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers < 2 {
		return f(0, n)
	}
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { errs[i] = f(n*i/workers, n*(i+1)/workers) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
