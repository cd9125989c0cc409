package harness

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// NewGPUReport is NewReport for a bench on a GPU: it names the cards too, as nvidia-smi does. A commit replaces the working
// directory's: the program may run where there is no checkout.
func NewGPUReport(ctx context.Context, bench, commit string) *Report {
	r := NewReport(bench)
	if commit != "" {
		r.Commit = commit
	}
	r.Machine += ", " + cards(ctx)
	return r
}

// DeviceMiB is the memory in use on the first GPU that this process may use, by all processes, in MiB; -1 where nothing says so.
func DeviceMiB(ctx context.Context) float64 {
	first, _, _ := strings.Cut(os.Getenv("CUDA_VISIBLE_DEVICES"), ",")
	out, err := smi(ctx, "--query-gpu=memory.used", "--id="+cmp.Or(strings.TrimSpace(first), "0"))
	if err != nil {
		return -1
	}
	n, err := strconv.ParseFloat(out, 64)
	if err != nil {
		return -1
	}
	return n
}

// DevicePeak follows DeviceMiB until stop, which gives the most that was seen; -1 where nothing says so. It asks again and again,
// some ten times a second: what takes less may not be seen.
func DevicePeak(ctx context.Context) (stop func() float64) {
	ctx, cancel := context.WithCancel(ctx)
	peak := make(chan float64)
	go func() {
		most := DeviceMiB(ctx)
		for ctx.Err() == nil {
			most = max(most, DeviceMiB(ctx))
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond): // where nothing answers, it answers at once
			}
		}
		peak <- most
	}()
	return func() float64 { cancel(); return <-peak }
}

// cards names every GPU, with its driver.
func cards(ctx context.Context) string {
	out, err := smi(ctx, "--query-gpu=name,driver_version")
	if err != nil {
		return "no nvidia-smi"
	}
	return strings.ReplaceAll(out, "\n", " and ")
}

// smi is what nvidia-smi says, a line for each GPU.
func smi(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "nvidia-smi", append(args, "--format=csv,noheader,nounits")...).Output()
	return strings.TrimSpace(string(out)), err
}
