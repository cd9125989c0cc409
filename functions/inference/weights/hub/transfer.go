package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
)

// receive appends an answer's bytes to the partial file.
func (f *fetcher) receive(body io.Reader, have int64) error {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if have == 0 {
		flags |= os.O_TRUNC
	}
	out, err := os.OpenFile(f.partial(), flags, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write the download: %w", err)
	}
	w := &meter{w: out, done: have, report: func(done int64) {
		f.alive.Reset(f.stall)
		f.report(done)
	}}
	_, err = io.CopyBuffer(w, io.LimitReader(body, f.e.Size-have+1), make([]byte, 256<<10))
	if closeErr := out.Close(); err == nil && closeErr != nil {
		w.failed, err = closeErr, closeErr
	}
	switch {
	case errors.Is(w.failed, syscall.ENOSPC):
		return fmt.Errorf("the disk is full at %s: free %d bytes and run the same command to resume: %w", f.path, f.e.Size-w.done, errdefs.ErrResourceExhausted)
	case w.failed != nil:
		return fmt.Errorf("cannot write the download: %w", w.failed)
	case err != nil:
		return fmt.Errorf("%s: the transfer broke off at %d of %d bytes: %w: %w", f.e.Path, w.done, f.e.Size, err, errdefs.ErrUnavailable)
	case w.done < f.e.Size:
		return fmt.Errorf("%s: the transfer ended at %d of %d bytes: %w", f.e.Path, w.done, f.e.Size, errdefs.ErrUnavailable)
	}
	return nil
}

// orCause prefers the reason why ctx ended to what that made of a transfer.
func orCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// meter counts and tells a failing disk from a failing network.
type meter struct {
	w      io.Writer
	done   int64
	report func(int64)
	failed error
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.done += int64(n)
	m.failed = err
	m.report(m.done)
	return n, err
}

// backoff waits longer after each try, or as long as the endpoint asked.
func backoff(ctx context.Context, attempt int, err error) error {
	d := time.Second << attempt
	var busy *busyError
	if errors.As(err, &busy) && busy.after > 0 {
		d = busy.after
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
