package spool

import (
	"io"
	"sync"
	"time"
)

// Pipe lets a writer run ahead of its reader by a bounded number of bytes: the writer has done when it has written all, not
// when all is read. One goroutine writes and another reads.
type Pipe struct {
	ahead int64

	mu   sync.Mutex
	more sync.Cond // either side has moved
	buf  *Buffer
	read int64
	end  error // set when nothing more is written
	left bool  // nobody reads any more
}

// Pipe makes one whose writer may be ahead bytes ahead.
func (s *Spool) Pipe(ahead int64) *Pipe {
	p := &Pipe{ahead: max(ahead, blockSize), buf: s.Buffer()}
	p.more.L = &p.mu
	return p
}

// Write waits while the writer is too far ahead. When the reader has left it gives io.ErrClosedPipe.
func (p *Pipe) Write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n < len(b) {
		for !p.left && p.buf.Size()-p.read >= p.ahead {
			p.more.Wait()
		}
		if p.left {
			return n, io.ErrClosedPipe
		}
		room := p.ahead - (p.buf.Size() - p.read)
		k, err := p.buf.Write(b[n:min(int64(len(b)), int64(n)+room)])
		n += k
		p.more.Broadcast()
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// CloseWrite ends the writing; what Read gives after the last byte is err, io.EOF for nil.
func (p *Pipe) CloseWrite(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		err = io.EOF
	}
	p.end = err
	p.more.Broadcast()
}

// Read waits until there is something to be read, or the end.
func (p *Pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.read == p.buf.Size() && p.end == nil && !p.left {
		p.more.Wait()
	}
	if p.left {
		return 0, io.ErrClosedPipe
	}
	n := min(int64(len(b)), p.buf.Size()-p.read)
	if n == 0 {
		return 0, p.end
	}
	k, err := p.buf.ReadAt(b[:n], p.read)
	p.read += int64(k)
	p.buf.drop(p.read)
	p.more.Broadcast()
	return k, err
}

// Begun waits at most d for the first byte, or the end, and says how much there is to be read: -1 when neither came.
func (p *Pipe) Begun(d time.Duration) int64 {
	late := false
	t := time.AfterFunc(d, func() { p.mu.Lock(); late = true; p.more.Broadcast(); p.mu.Unlock() })
	defer t.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.read == p.buf.Size() && p.end == nil && !late {
		p.more.Wait()
	}
	if n := p.buf.Size() - p.read; n > 0 || p.end != nil {
		return n
	}
	return -1
}

// Close says that nobody reads any more, and gives back what the pipe holds. It may be called twice.
func (p *Pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left {
		return nil
	}
	p.left = true
	p.more.Broadcast()
	return p.buf.Close()
}
