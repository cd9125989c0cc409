package guest

import (
	"bufio"
	"fmt"
	"net"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/sockio"
)

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// serve answers init.sock until it is closed.
func (g *guest) serve() {
	for {
		conn, err := g.control.Accept()
		if err != nil {
			return
		}
		conn = sockio.Conn(conn)
		g.wg.Add(1)
		go func() {
			defer g.wg.Done()
			defer conn.Close()
			g.talk(conn)
		}()
	}
}

// talk runs one exchange, or one invocation after the other on a connection that is kept.
func (g *guest) talk(conn net.Conn) {
	br := readers.Get().(*bufio.Reader)
	br.Reset(conn)
	defer func() { br.Reset(nil); readers.Put(br) }()
	kind, b, err := wire.ReadFrame(br, nil)
	for err == nil && kind == wire.Invoke {
		kind, b, err = g.invoke(conn, br, b)
	}
	if err == nil { // else a caller that went away, or was answered
		g.talkOnce(conn, br, kind, b)
	}
}

func (g *guest) talkOnce(conn net.Conn, br *bufio.Reader, kind wire.Kind, b []byte) {
	switch kind {
	case wire.Ready:
		g.sayReady(conn, br)
	case wire.Prepare:
		g.note(conn)
	case wire.Restored:
		g.comeBack(conn, b)
	default:
		protocol(conn, fmt.Sprintf("an exchange cannot begin with frame %q", kind))
	}
}

func protocol(conn net.Conn, why string) {
	wire.WriteJSON(conn, wire.Fail, wire.FailHead{Class: wire.ClassProtocol, Message: why})
}

// sayReady waits for the function; a caller that goes away ends the waiting.
func (g *guest) sayReady(conn net.Conn, br *bufio.Reader) {
	left := make(chan struct{})
	go func() { br.Peek(1); close(left) }()
	defer func() { conn.Close(); <-left }()
	select {
	case <-g.ready:
	case <-left:
		return
	case <-g.dead:
	}
	select {
	case <-g.dead:
		g.sendDeath(conn)
	default:
		wire.WriteJSON(conn, wire.State, g.state)
	}
}

func (g *guest) sendDeath(conn net.Conn) {
	if wire.WriteJSON(conn, wire.Fail, g.death()) == nil {
		g.tell()
	}
}

// death is how the function ended.
func (g *guest) death() wire.FailHead {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fail
}
