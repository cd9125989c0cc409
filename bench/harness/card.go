package harness

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
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

// DeviceMiB is the memory in use on the first GPU, by all processes, in MiB; -1 where nothing says so.
func DeviceMiB(ctx context.Context) float64 {
	out, err := smi(ctx, "--query-gpu=memory.used", "--id=0")
	if err != nil {
		return -1
	}
	n, err := strconv.ParseFloat(out, 64)
	if err != nil {
		return -1
	}
	return n
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
