package ort

import (
	"slices"
	"sync"
	"syscall"
	"testing"
)

func TestRunsOneAfterTheOtherAreOnOneThread(t *testing.T) {
	var all threads
	all.join()
	defer all.leave()
	id := func() (id int) {
		all.do(func() { id = syscall.Gettid() })
		return id
	}
	first := id()
	for range 50 {
		other := make(chan int)
		go func() { other <- id() }() // it has given its thread back when it says which one that was
		if got := <-other; got != first {
			t.Fatalf("a run was on thread %d, the one before it on %d", got, first)
		}
	}
}

func TestRunsAtOnceHaveAThreadEach(t *testing.T) {
	const n = 2 * mostIdle
	var all threads
	all.join()
	defer all.leave()
	ids, begun := make([]int, n), make(chan struct{}, n)
	end := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			all.do(func() {
				ids[i] = syscall.Gettid()
				begun <- struct{}{}
				<-end
			})
		})
	}
	for range n {
		<-begun
	}
	close(end)
	done.Wait()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != n {
		t.Errorf("%d runs at once were on threads %v", n, ids)
	}
	if len(all.idle) != mostIdle {
		t.Errorf("%d threads are kept, not %d", len(all.idle), mostIdle)
	}
}

func TestNoThreadIsKeptWithoutASession(t *testing.T) {
	var all threads
	all.do(func() {})
	if len(all.idle) != 0 {
		t.Error("a thread is kept that no session asked for")
	}
	all.join()
	all.join()
	all.do(func() {})
	all.leave()
	if len(all.idle) != 1 {
		t.Errorf("%d threads are kept while a session is open, not 1", len(all.idle))
	}
	all.leave() // what is left running, the check for leaks tells
	if len(all.idle) != 0 {
		t.Error("a thread is kept behind the last session")
	}
}
