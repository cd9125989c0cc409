package gateway

import (
	"container/list"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway/framing"
)

// Bounds are how many connections there may be. Zero values take the defaults.
type Bounds struct {
	Client int // of one client: an address, or an IPv6 network of 64 bits; default half of All
	All    int // default half of the files that the process may have open, at most 16384
}

func (b Bounds) withDefaults() Bounds {
	if b.All <= 0 {
		b.All = 16384
		var files syscall.Rlimit
		if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil && files.Cur/2 < uint64(b.All) {
			b.All = max(int(files.Cur/2), 1)
		}
	}
	if b.Client <= 0 {
		b.Client = max(b.All/2, 1)
	}
	return b
}

// Connections bounds the connections of all servers that share it: one of a client too many ends the client's that has
// waited longest for a request, or is refused where all of them are answered. Safe for concurrent use.
type Connections struct {
	bounds Bounds
	log    *slog.Logger

	mu               sync.Mutex
	open             map[net.Conn]*connection
	clients          map[netip.Prefix]*list.List // of *connection: those that have waited longest are in front
	idle             *list.List                  // of all clients, in the same order
	dropped, refused int64
	told             time.Time // when the log last heard of it
	untold           int64     // how often since
}

// connection is one client's.
type connection struct {
	net.Conn
	client   netip.Prefix
	busy     atomic.Int32           // requests being answered: such a one is not ended
	host     atomic.Pointer[string] // of ours, that a request has named
	own, all *list.Element          // in clients and idle
}

// NewConnections makes bounds; log hears of those that were met, at most every ten seconds.
func NewConnections(b Bounds, log *slog.Logger) *Connections {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Connections{bounds: b.withDefaults(), log: log, open: map[net.Conn]*connection{}, clients: map[netip.Prefix]*list.List{}, idle: list.New()}
}

// Counts says how many connections are open, and how many have been ended for the sake of others: idle ones that made room,
// and new ones that found none.
func (c *Connections) Counts() (open int, dropped, refused int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.dropped, c.refused
}

type connContext struct{}

// context is http.Server's ConnContext, which comes first.
func (c *Connections) context(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connContext{}, c.enter(nc))
}

// state is http.Server's ConnState.
func (c *Connections) state(nc net.Conn, s http.ConnState) {
	switch s {
	case http.StateIdle:
		c.rests(nc)
	case http.StateClosed, http.StateHijacked:
		c.leave(nc)
	}
}

// connectionOf gives the connection that a request came by; nil, which knows how to do nothing, for those of tests.
func connectionOf(r *http.Request) *connection {
	k, _ := r.Context().Value(connContext{}).(*connection)
	return k
}

// works notes that the server has something to do for the client, and waits that it has not: the connection may be ended for
// the sake of others then.
func (k *connection) works() {
	if k != nil {
		k.busy.Add(1)
	}
}

func (k *connection) waits() {
	if k != nil {
		k.busy.Add(-1)
	}
}

// enter takes a connection in, and makes room for it.
func (c *Connections) enter(nc net.Conn) *connection {
	k := &connection{Conn: nc, client: clientOf(nc)}
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.clients[k.client]
	if own == nil {
		own = list.New()
		c.clients[k.client] = own
	}
	fits := (own.Len() < c.bounds.Client || c.drop(own)) && (len(c.open) < c.bounds.All || c.drop(c.idle))
	if !fits {
		c.refused++
		c.tell(k.client)
		go refuseConn(nc)
	}
	if c.clients[k.client] == nil { // the last one was dropped
		c.clients[k.client] = own
	}
	k.own, k.all = own.PushBack(k), c.idle.PushBack(k)
	c.open[nc] = k
	return k
}

// drop ends the connection of a list that has waited longest, if there is one that waits.
func (c *Connections) drop(of *list.List) bool {
	for e := of.Front(); e != nil; e = e.Next() {
		if k := e.Value.(*connection); k.busy.Load() == 0 {
			c.dropped++
			c.tell(k.client)
			c.forget(k)
			below(k.Conn).Close()
			return true
		}
	}
	return false
}

// rests puts a connection behind those that have waited longer.
func (c *Connections) rests(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.open[nc]; k != nil {
		c.clients[k.client].MoveToBack(k.own)
		c.idle.MoveToBack(k.all)
	}
}

func (c *Connections) leave(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.open[nc]; k != nil {
		c.forget(k)
	}
}

func (c *Connections) forget(k *connection) {
	delete(c.open, k.Conn)
	c.idle.Remove(k.all)
	own := c.clients[k.client]
	if own.Remove(k.own); own.Len() == 0 {
		delete(c.clients, k.client)
	}
}

// tellEvery is how often the log hears that a bound was met.
const tellEvery = 10 * time.Second

func (c *Connections) tell(client netip.Prefix) {
	c.untold++
	if time.Since(c.told) < tellEvery {
		return
	}
	c.log.Warn("too many connections: those that waited longest were ended, or new ones refused", "times", c.untold, "client", client.String(),
		"open", len(c.open), "clientLimit", c.bounds.Client, "limit", c.bounds.All)
	c.told, c.untold = time.Now(), 0
}

// refuseConn says why a connection ends. It is never read from.
func refuseConn(nc net.Conn) {
	if w := wireOf(nc); w != nil && w.secure != nil { // a handshake for a refusal would cost what is short
		below(nc).Close()
		return
	}
	nc.SetWriteDeadline(time.Now().Add(time.Second))
	nc.Write(unread(&framing.Fault{}, Problem{Status: http.StatusServiceUnavailable, Type: "ServiceException", RetryAfter: time.Second, Message: "there are too many connections: ask again in a second"}))
	nc.Close()
}

// below is the connection under TLS, whose own end would wait for the client.
func below(nc net.Conn) net.Conn {
	if w := wireOf(nc); w != nil {
		return w.raw
	}
	return nc
}

// clientOf tells clients apart: local ones are one.
func clientOf(nc net.Conn) netip.Prefix {
	a, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip, bits := a.AddrPort().Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // of a valid address: cannot fail
	return p
}
