package builder

import (
	"context"
	"io"
	"os"
	"sync/atomic"
)

// reading counts what is read of files for layers, and ends with its context.
type reading struct {
	ctx         context.Context
	tell        func(done, total int64)
	done, total int64 // done is atomic: a registry may read several layers at once
}

// bytes is what a tree's files hold.
func (t tree) bytes() (n int64) {
	for _, e := range t {
		if st, err := os.Stat(e.from); e.from != "" && err == nil {
			n += st.Size()
		}
	}
	return n
}

type counted struct {
	io.Reader
	r *reading
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.r.ctx.Err(); err != nil {
		return 0, context.Cause(c.r.ctx)
	}
	n, err := c.Reader.Read(p)
	if done := atomic.AddInt64(&c.r.done, int64(n)); c.r.tell != nil {
		c.r.tell(min(done, c.r.total), c.r.total)
	}
	return n, err
}
