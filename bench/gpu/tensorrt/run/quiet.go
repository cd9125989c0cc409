package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

// quiet has f run while no builder works: those of every run of this program, which may be building on the same device, are stopped
// for as long, and no other run measures.
func (b *bench) quiet(ctx context.Context, f func() error) error {
	release, err := hold(ctx, filepath.Join(b.plans, "measuring.lock"))
	if err != nil {
		return err
	}
	defer release()
	pids := planners()
	signal(pids, syscall.SIGSTOP)
	defer signal(pids, syscall.SIGCONT)
	time.Sleep(300 * time.Millisecond) // what they had queued ends
	begin := time.Now()
	err = f()
	fmt.Printf("%s measured for %.1f s, %d builders waited\n", time.Now().Format(time.TimeOnly), time.Since(begin).Seconds(), len(pids))
	return err
}

// nobodyMeasures waits for the end of what is being measured.
func (b *bench) nobodyMeasures(ctx context.Context) error {
	release, err := hold(ctx, filepath.Join(b.plans, "measuring.lock"))
	if err == nil {
		release()
	}
	return err
}

// planners are the processes that build plans on this machine.
func planners() (pids []int) {
	program, err := tensorrt.FindPlanner()
	if err != nil {
		return nil // then none was started
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return nil
	}
	entries, _ := os.ReadDir("/proc") // nothing to read is nobody to stop
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe")); err == nil && exe == program {
			pids = append(pids, pid)
		}
	}
	return pids
}

func signal(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, s) // one that has ended needs none
	}
}

// hold takes a lock that other processes respect, and waits for it.
func hold(ctx context.Context, path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(250 * time.Millisecond):
		}
	}
}
