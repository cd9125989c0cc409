package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

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

	most   int  // slots: eventsAtOnce
	slots  int  // free ones
	listed bool // in pool.free
	out    bool // takes no further event
	uses   int64
	fresh  *spec.Phases // of its start, until the first event takes them

	joined   time.Time // when it began to serve
	idleFrom time.Time
	until    time.Time   // when it is reaped, as far as known
	timer    *time.Timer // nil: never idle yet
	armed    bool        // the timer runs

	lent    atomic.Bool         // to somebody who makes a snapshot of it
	claims  map[*entry]struct{} // starts that wait for its room
	memory  atomic.Int64        // last seen, bytes
	touched atomic.Bool         // used since memory was last looked at
}

// claimed says that a start that came first waits for this member's room.
func (m *member) claimed() bool { return len(m.claims) > 0 }

// newMember makes an absent instance of the pool's function.
func (p *pool) newMember(fn spec.Function) *member {
	return p.member(fn, p.d.config(fn, newID(fn.Name)))
}

// newLent makes one that serves nobody; a snapshot is made of it, or it is restored from one.
func (p *pool) newLent(fn spec.Function) *member {
	c := p.d.config(fn, newID(fn.Name))
	c.SnapStart = true
	m := p.member(fn, c)
	m.lent.Store(true)
	return m
}

func (p *pool) member(fn spec.Function, c instance.Config) *member {
	m := &member{pool: p, most: fn.EventsAtOnce, slots: fn.EventsAtOnce}
	m.inst = instance.New(c, p.d.cfg.Sandbox, p.d.cfg.Log, func(e instance.Exit) { p.died(m, e) })
	p.d.members.Store(m.inst.ID(), m)
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
	if fn.Model != nil {
		c.Bundle = fn.Model.Bundle
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
	if m.lent.Load() {
		return // a checkpoint ended it, or whoever has it hears of it
	}
	p.d.cfg.Log.Warn("instance ended by itself", "instance", m.inst.ID(), "function", p.name, "status", e.Code, "oom", e.OOMKilled)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone(m)
}

// gone takes a member out whose processes have ended; the caller holds the pool's mutex.
func (p *pool) gone(m *member) {
	if _, ok := p.ready[m]; !ok {
		return
	}
	if time.Since(m.joined) < mostBackoff {
		p.later() // do not start a crashing function over and over for minInstances
	} else {
		p.backoff = 0 // it lived well
	}
	p.drop(m)
	if m.slots == m.most {
		p.discard(m)
	}
}

// end stops a member and forgets it.
func (d *Dispatcher) end(ctx context.Context, m *member, grace time.Duration) {
	m.inst.Stop(ctx, grace)
	d.members.Delete(m.inst.ID())
	d.room.free(m)
	d.prune(m.pool.name)
}
