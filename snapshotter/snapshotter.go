// Package snapshotter keeps warm state: it turns running processes into images on disk and those into running processes
// again, without knowing what a function is. The interface is here, drivers are below it (criu, cuda), and catalog keeps
// what they wrote, content-addressed and checked.
package snapshotter

import (
	"context"
	"time"
)

// Capability is what a driver can do on this machine, found out by trying.
type Capability struct {
	Driver  string `json:"driver"`
	OK      bool   `json:"ok"`
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"` // why not, in one sentence
	Fix     string `json:"fix,omitempty"`    // the command that helps
}

// Subject is a group of processes that a driver can stop, dump and bring back: a sandbox driver hands it over.
type Subject interface {
	// Checkpoint writes the processes into dir, an empty folder. With exit they end, else they go on. On error they go
	// on unless the error's class is Unavailable.
	Checkpoint(ctx context.Context, dir string, exit bool) error
}

// Driver makes and takes images. Safe for concurrent use.
type Driver interface {
	// Probe finds out what this machine can do. It is called once at start-up and by the doctor.
	Probe(ctx context.Context) Capability
	// Checkpoint dumps s into dir. What the driver wrote is complete and synced when it returns nil; on error dir holds
	// leftovers that the caller removes.
	Checkpoint(ctx context.Context, s Subject, dir string, exit bool) (Timing, error)
}

// Timing is where a checkpoint's or restore's time went; zero parts did not happen.
type Timing struct {
	Quiesce, Device, Dump, Sync, Total time.Duration
	Bytes                              int64
}
