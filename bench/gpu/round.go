package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// size is an amount of device memory and how often to measure it.
type size struct {
	gib    float64
	rounds int
}

func (s size) bytes() float64 { return s.gib * (1 << 30) }

func parseSizes(list string) ([]size, error) {
	var sizes []size
	for item := range strings.SplitSeq(list, ",") {
		var s size
		if _, err := fmt.Sscanf(item, "%gx%d", &s.gib, &s.rounds); err != nil || s.gib <= 0 || s.rounds <= 0 {
			return nil, fmt.Errorf("size %q is not GIBxTIMES, as in 8x3", item)
		}
		sizes = append(sizes, s)
	}
	return sizes, nil
}

// round is one freeze and thaw of a process whose memory was right afterwards.
type round struct {
	cuda.Timing
	leftMiB   float64       // device memory still in use while frozen, all processes
	hostBytes float64       // resident host memory while frozen
	first     time.Duration // from the end of unlock to the line about all of the memory
}

type rounds []round

// round freezes and thaws v. Contents are compared on the device, word by word, with the pattern they were made from.
func (b *bench) round(ctx context.Context, v *victim) (r round, err error) {
	pids := []int{v.pid}
	if r.Timing, err = cuda.Freeze(ctx, b.driver, pids); err != nil {
		return r, err
	}
	r.leftMiB, r.hostBytes = harness.DeviceMiB(ctx), resident(v.pid)
	state, err := b.driver.State(ctx, v.pid)
	if err != nil || state != cuda.Checkpointed {
		return r, fmt.Errorf("frozen, yet its state is %v: %w", state, err)
	}
	thawed, err := cuda.Thaw(ctx, b.driver, pids)
	if err != nil {
		return r, err
	}
	r.Restore, r.Unlock = thawed.Restore, thawed.Unlock
	start := time.Now()
	err = v.verify(ctx)
	r.first = time.Since(start)
	fmt.Printf("%v: lock %v checkpoint %v restore %v unlock %v contents right after %v\n", v, r.Lock, r.Checkpoint, r.Restore, r.Unlock, r.first)
	return r, err
}

// report gives medians, and the first checkpoint apart: it finds the process without host memory to copy to.
func (rs rounds) report(to *harness.Report, name string, bytes float64) {
	pick := func(f func(round) float64) float64 {
		var all []float64
		for _, r := range rs {
			all = append(all, f(r))
		}
		return harness.Median(all)
	}
	copied := to.Figures["copy_pinned_to_host_gb_per_s"]
	checkpoint, restore := pick(func(r round) float64 { return ms(r.Checkpoint) }), pick(func(r round) float64 { return ms(r.Restore) })
	to.Figure(name+"_lock_ms", pick(func(r round) float64 { return ms(r.Lock) }))
	to.Figure(name+"_checkpoint_first_ms", ms(rs[0].Checkpoint))
	to.Figure(name+"_checkpoint_ms", checkpoint)
	to.Figure(name+"_checkpoint_gb_per_s", bytes/1e6/checkpoint)
	to.Figure(name+"_checkpoint_of_copy", bytes/1e6/checkpoint/copied)
	to.Figure(name+"_restore_ms", restore)
	to.Figure(name+"_restore_gb_per_s", bytes/1e6/restore)
	to.Figure(name+"_restore_of_copy", bytes/1e6/restore/to.Figures["copy_pinned_to_device_gb_per_s"])
	to.Figure(name+"_unlock_ms", pick(func(r round) float64 { return ms(r.Unlock) }))
	to.Figure(name+"_device_left_mib", pick(func(r round) float64 { return r.leftMiB }))
	to.Figure(name+"_host_resident_mib", pick(func(r round) float64 { return r.hostBytes / (1 << 20) }))
}

// resident is the host memory of a process, bytes; 0 where it cannot be read.
func resident(pid int) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var total, pages float64
	fmt.Sscan(string(b), &total, &pages)
	return pages * float64(os.Getpagesize())
}
