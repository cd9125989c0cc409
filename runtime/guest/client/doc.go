// Package client is the control plane's side of init.sock: one function per exchange of package wire.
//
// Every exchange dials, talks and closes, so that between invocations nothing is open across the instance's border, but for
// those of a Line.
// Functions are safe for concurrent use; a Response belongs to one goroutine.
package client

import (
	"bufio"
	"context"
	"net"
	"sync"
	"time"
)

// Dialer connects to an instance's init.sock; a Box's Dial method is one.
type Dialer func(ctx context.Context) (net.Conn, error)

// Times that bound what init may take over its own part of an exchange.
const (
	slack        = 2 * time.Second        // beyond a deadline or grace that init itself keeps
	defaultGrace = 800 * time.Millisecond // InvokeHead.CancelGraceMs of 0
)

// readers keeps the buffers that frames are read through. A small answer fits; of a large one only the beginning of each
// piece goes through them, and the rest is read to where it stays.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 8<<10) }}

func takeReader(c net.Conn) *bufio.Reader {
	r := readers.Get().(*bufio.Reader)
	r.Reset(c)
	return r
}

func giveReader(r *bufio.Reader) {
	r.Reset(nil)
	readers.Put(r)
}
