package ort

import (
	"os"
	"runtime"
	"sync"
)

// touch has all processors write to memory that is about to be filled by a copy from a device. New memory is handed out page by page as it
// is first written to, on a virtual machine at 1.6 GB/s to one thread, whatever the copy could do (12 GB/s there).
func touch(b []byte) {
	const least = 8 << 20 // bytes for each
	page := os.Getpagesize()
	parts := min(runtime.GOMAXPROCS(0), len(b)/least)
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() {
			for at := len(b) / parts * i; at < len(b)/parts*(i+1); at += page {
				b[at] = 0
			}
		})
	}
	all.Wait()
}
