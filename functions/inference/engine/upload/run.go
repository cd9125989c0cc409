package upload

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Device is where weights go. Its methods may be called from several goroutines.
type Device interface {
	// Lane gives a way to the device with n buffers of so many bytes on the host, from which it copies at full speed.
	Lane(bytes int64, n int) (Lane, error)
}

// Lane carries pieces to a device, for one goroutine.
type Lane interface {
	// Buffer is the memory of buffer i.
	Buffer(i int) []byte
	// Copy begins to copy the first n bytes of buffer i to the byte at of the device's block. The buffer is the device's until Wait.
	Copy(i int, at, n int64) error
	// Wait returns when buffer i is not being copied from.
	Wait(i int) error
	// Close waits for all copies, says what became of them, and gives the buffers back.
	Close() error
}

// Options bound what an upload takes of the host: Readers threads, each with Buffers of Piece bytes.
type Options struct {
	Readers, Buffers int
	Piece            int64
}

// upload is one under way.
type upload struct {
	plan   Plan
	device Device
	o      Options
	files  map[string]*source
	pieces []piece
	next   atomic.Int64
}

// piece is what one copy carries: n bytes of a file, from the byte from to the byte to of the block.
type piece struct {
	file        *source
	from, to, n int64
}

// Run brings all spans to the device, and returns when they are there or nothing is under way any more. When ctx ends it stops between
// two pieces, with the context's cause. A file that is shorter than its spans, or another at the end than it was at the beginning, is
// an error.
func (p Plan) Run(ctx context.Context, d Device, o Options) (err error) {
	u := &upload{plan: p, device: d, o: o, files: map[string]*source{}}
	defer func() { err = errors.Join(err, u.close()) }()
	for _, s := range p.Spans {
		f, err := u.open(s)
		if err != nil {
			return err
		}
		for at := int64(0); at < s.Bytes; at += o.Piece {
			u.pieces = append(u.pieces, piece{f, s.From + at, s.To + at, min(o.Piece, s.Bytes-at)})
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for range min(o.Readers, len(u.pieces)) {
		all.Go(func() {
			if err := u.read(ctx); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return u.unchanged()
}

// read carries pieces until there are none left.
func (u *upload) read(ctx context.Context) (err error) {
	lane, err := u.device.Lane(u.largest(), u.o.Buffers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lane.Close()) }()
	for k := 0; context.Cause(ctx) == nil; k++ {
		p := u.take()
		if p == nil {
			return nil
		}
		if err := p.carry(lane, k%u.o.Buffers); err != nil {
			return err
		}
	}
	return nil // whoever ended it says why
}

// carry reads the piece into buffer i as soon as that is free, and begins its copy.
func (p *piece) carry(l Lane, i int) error {
	if err := l.Wait(i); err != nil {
		return err
	}
	if err := p.file.readAt(l.Buffer(i)[:p.n], p.from); err != nil {
		return err
	}
	return l.Copy(i, p.to, p.n)
}

// largest is the most bytes that a piece has.
func (u *upload) largest() (n int64) {
	for _, p := range u.pieces {
		n = max(n, p.n)
	}
	return n
}

// take is the next piece, nil where none is left.
func (u *upload) take() *piece {
	if i := u.next.Add(1) - 1; i < int64(len(u.pieces)) {
		return &u.pieces[i]
	}
	return nil
}

func (u *upload) open(s Span) (*source, error) {
	f := u.files[s.Path]
	if f == nil {
		var err error
		if f, err = openSource(s.Path); err != nil {
			return nil, err
		}
		u.files[s.Path] = f
	}
	return f, f.holds(s.From + s.Bytes)
}

func (u *upload) close() (err error) {
	for _, f := range u.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

func (u *upload) unchanged() (err error) {
	for _, f := range u.files {
		err = errors.Join(err, f.unchanged())
	}
	return err
}
