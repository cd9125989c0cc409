package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Labels by which instances are found again.
const (
	labelOwner    = "videosdgx.owner"
	labelFunction = "videosdgx.function"
	labelVersion  = "videosdgx.version"
	labelDigest   = "videosdgx.digest"
)

// member is an instance in a pool. Fields are guarded by the pool's mutex unless they say otherwise.
type member struct {
	pool *pool
	inst *instance.Instance

	seat  *roster.Seat[*member] // where it stands, and with how many events
	quiet chan struct{}         // closed once it leaves and nothing is in flight
	fresh *spec.Phases          // of its start, until the first event takes them

	joined   time.Time // when it began to serve
	busyFrom time.Time
	idleFrom time.Time
	timer    *time.Timer // nil: never idle yet
	armed    bool        // the timer runs

	lent    bool                // to somebody who makes a snapshot of it; never changes
	claims  map[*entry]struct{} // starts that wait for its room
	memory  atomic.Int64        // last seen, bytes
	device  atomic.Int64        // on all its GPUs, last seen, bytes
	touched atomic.Bool         // used since memory was last looked at
}

// unclaimed says that no start that came first waits for this member's room.
func (m *member) unclaimed() bool { return len(m.claims) == 0 }

// newMember makes an absent instance of the pool's function.
func (p *pool) newMember(fn spec.Function) *member {
	c := p.d.config(fn, newID(fn.Name))
	c.Tell = p.hear
	m := p.member(c)
	p.d.members.Store(m.inst.ID(), m)
	return m
}

// newLent makes one that serves nobody; a snapshot is made of it, or it is restored from one.
func (p *pool) newLent(fn spec.Function) *member {
	c := p.d.config(fn, newID(fn.Name))
	c.SnapStart = true
	m := p.member(c)
	m.lent, m.seat = true, roster.NewLent(m)
	p.d.members.Store(c.ID, m)
	return m
}

// member makes one that nobody finds yet.
func (p *pool) member(c instance.Config) *member {
	m := &member{pool: p, quiet: make(chan struct{})}
	m.seat = roster.NewSeat(m, c.Function.EventsAtOnce)
	m.inst = instance.New(c, p.d.cfg.Sandbox, p.d.cfg.Log, func(e instance.Exit) { p.died(m, e) })
	return m
}

func (d *Dispatcher) config(fn spec.Function, id string) instance.Config {
	c := instance.Config{
		ID: id, Function: fn, Dir: filepath.Join(d.cfg.RunDir, id), Log: d.logFile(fn.Name, id),
		ARN: d.cfg.ARN(fn.Name),
		Labels: map[string]string{
			labelOwner: d.cfg.Owner, labelFunction: fn.Name, labelVersion: fn.Version, labelDigest: fn.Digest,
		},
	}
	if fn.GPUs.Any() == 0 {
		c.GPUs = fn.GPUs
	}
	if fn.Model != nil {
		c.Bundle = fn.Model.Bundle
	}
	if len(fn.Secrets) > 0 && d.cfg.Secrets != nil {
		c.Secrets = func() (map[string]string, error) { return d.cfg.Secrets(fn.Secrets) }
	}
	return c
}

// newID is a name that a person recognises and nobody else on the machine has.
func newID(function string) string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	name := strings.ReplaceAll(function, "_", "-")
	return strings.Trim(name[:min(len(name), 24)], "-") + "-" + hex.EncodeToString(b)
}

// died takes a member out whose processes ended by themselves.
func (p *pool) died(m *member, e instance.Exit) {
	if m.lent {
		return // a checkpoint ended it, or whoever has it hears of it
	}
	p.d.cfg.Log.Warn("instance ended by itself", "instance", m.inst.ID(), "function", p.name, "status", e.Code, "oom", e.OOMKilled)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone(m)
}

// gone takes a member out whose processes have ended; the caller holds the pool's mutex.
func (p *pool) gone(m *member) {
	if !m.seat.Serves() {
		return
	}
	if time.Since(m.joined) < mostBackoff {
		p.later() // do not start a crashing function over and over for minInstances
	} else {
		p.backoff = 0 // it lived well
	}
	p.dismiss(m, roster.Died)
}

// end has a member leave for a reason, waits until ctx ends for what it has in flight, stops it and forgets it.
func (d *Dispatcher) end(ctx context.Context, m *member, why roster.Reason, grace time.Duration) {
	m.part(why)
	select {
	case <-m.quiet:
	case <-ctx.Done():
	}
	m.inst.Stop(ctx, grace)
	d.members.Delete(m.inst.ID())
	d.room.free(m)
	d.prune(m.pool.name)
}
