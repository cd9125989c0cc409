package ort

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine/upload"
)

// uploads of a process run one at a time: two are no faster, and take twice the memory that is pinned.
type uploads struct {
	turn  chan struct{} // holds one while weights are brought to a device
	bytes atomic.Int64
	took  atomic.Int64 // nanoseconds
}

func newUploads() uploads { return uploads{turn: make(chan struct{}, 1)} }

// staging is what an upload takes of the host. Twelve readers fill a bus of 55 GB/s, from the small pages of a file system in memory too;
// buffers this small stay in the processor's caches between the read and the copy, and pinning them takes 20 ms. Where a quota gives fewer
// processors than the machine has, as many readers as that: more would have the kernel hold the whole process still, which makes the session too.
func staging() upload.Options {
	return upload.Options{Readers: min(max(runtime.GOMAXPROCS(0), 4), 12), Buffers: 2, Piece: 2 << 20}
}

func (u *uploads) one(ctx context.Context, p upload.Plan, b block) error {
	select {
	case u.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-u.turn }()
	begin := time.Now()
	if err := p.Run(ctx, b, staging()); err != nil {
		return err
	}
	u.took.Add(int64(time.Since(begin)))
	u.bytes.Add(p.Bytes)
	return nil
}

// Uploaded is how many bytes of weights were brought to devices so far, and how long that took, sessions aside.
func (e *Engine) Uploaded() (bytes int64, took time.Duration) {
	return e.uploads.bytes.Load(), time.Duration(e.uploads.took.Load())
}
