package guest

import (
	"net"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/rapi"
)

// onReady hears that the function asks for an event. As in Lambda, the initialisation ends when its companions do so too.
func (g *guest) onReady(r rapi.Ready) {
	g.awaitSettled(joining)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = wire.StateHead{InitMicros: time.Since(g.began).Microseconds(), Restores: r.Restores}
	g.news.Store(int64(time.Since(g.began)))
	close(g.ready)
}

func (g *guest) isReady() bool {
	select {
	case <-g.ready:
		return true
	default:
		return false
	}
}

// onInitError keeps the function's own words, which are better than its exit status, and tells everybody who waits.
func (g *guest) onInitError(body []byte) {
	g.log.settle(settling)
	g.die(wire.FailHead{
		Class: wire.ClassInit, Message: "the function reported that it could not start", Body: body, LogTail: g.log.since(0),
	})
	g.failAll()
}

func (g *guest) onRestored(body []byte) {
	select {
	case g.restored <- body:
	default: // nobody waits: hooks ran without a restore
	}
}

// die records the first reason why the function is of no further use.
func (g *guest) die(f wire.FailHead) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.dead:
	default:
		g.fail = f
		close(g.dead)
	}
}

// failAll ends every invocation under way and lets go of the connections that are kept for others.
func (g *guest) failAll() {
	g.mu.Lock()
	list := make([]*exchange, 0, len(g.active))
	for x := range g.active {
		list = append(list, x)
	}
	for c := range g.resting {
		c.SetReadDeadline(time.Unix(1, 0)) // not Close: what the client has just sent stays unread, so that it knows
	}
	f := g.fail
	g.mu.Unlock()
	for _, x := range list {
		x.failWith(f)
		g.tell()
	}
}

// tell notes that somebody knows why the function failed.
func (g *guest) tell() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.told:
	default:
		close(g.told)
	}
}

// add enters an invocation; false when the function is dead.
func (g *guest) add(x *exchange) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.dead:
		return false
	default:
		g.active[x] = struct{}{}
		return true
	}
}

func (g *guest) remove(x *exchange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.active, x)
}

// rest notes a connection that is kept between invocations; false when the function is dead and none will follow.
func (g *guest) rest(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.dead:
		return false
	default:
		g.resting[c] = struct{}{}
		return true
	}
}

// awake takes a connection out whose next frame, or end, has come.
func (g *guest) awake(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.resting, c)
}
