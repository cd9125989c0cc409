package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/videosdgx/videosdgx/runtime/placement"
)

func floor(memory bytes) bytes { return placement.Floor(memory) }

// older orders instances by when they were used last, and makes a replay the same every time.
func older(a, b *inst) int {
	return cmp.Or(cmp.Compare(a.idleFrom, b.idleFrom), cmp.Compare(a.fn.id, b.fn.id), cmp.Compare(a.uses, b.uses), cmp.Compare(a.turn, b.turn))
}

// oldest picks idle instances, the least recently used first.
func oldest(need bytes, all []*inst) (picked []*inst) {
	for _, in := range all {
		if need <= 0 {
			break
		}
		if !in.busy {
			picked = append(picked, in)
			need -= in.fn.size
		}
	}
	if need > 0 {
		return nil
	}
	return picked
}

// fixed keeps every instance equally long.
type fixed struct{ ttl time.Duration }

func (fixed) used(time.Duration, *inst)        {}
func (fixed) arrived(*function, time.Duration) {}
func (p fixed) keep(time.Duration, *inst) (time.Duration, time.Duration, time.Duration) {
	return p.ttl, 0, 0
}
func (fixed) victims(need bytes, all []*inst) []*inst { return oldest(need, all) }

// lru keeps everything until the memory is needed.
type lru struct{}

func (lru) used(time.Duration, *inst)        {}
func (lru) arrived(*function, time.Duration) {}
func (lru) keep(time.Duration, *inst) (time.Duration, time.Duration, time.Duration) {
	return forever, 0, 0
}
func (lru) victims(need bytes, all []*inst) []*inst { return oldest(need, all) }

// ours asks the runtime's own policy.
type ours struct {
	memory bytes
	clock  placement.Clock
	gaps   map[*function]*placement.Gaps
}

func newOurs(memory bytes) *ours { return &ours{memory: memory, gaps: map[*function]*placement.Gaps{}} }

func (p *ours) used(_ time.Duration, in *inst) {
	in.priority = p.clock.Priority(in.uses, in.fn.cold, 0, in.fn.size)
}

func (p *ours) arrived(f *function, idle time.Duration) {
	if p.gaps[f] == nil {
		p.gaps[f] = &placement.Gaps{}
	}
	p.gaps[f].Add(idle)
}

func (p *ours) keep(_ time.Duration, in *inst) (keep, prewarm, until time.Duration) {
	w := placement.DefaultTerms.KeepAlive(p.gaps[in.fn], in.fn.cold, in.fn.size)
	return w.Keep, w.Prewarm, w.Until
}

func (p *ours) victims(need bytes, all []*inst) (picked []*inst) {
	held := make([]placement.Holding, len(all))
	byID := make(map[string]*inst, len(all))
	var used bytes
	for i, in := range all {
		id := fmt.Sprintf("%06d", i)
		byID[id] = in
		used += in.fn.size
		held[i] = placement.Holding{
			ID: id, Demand: placement.Demand{placement.System: in.fn.size}, Settled: true, Movable: !in.busy, Priority: in.priority,
		}
	}
	pool := placement.Pool{Name: placement.System, Total: p.memory, Floor: floor(p.memory), Available: -1}
	want := placement.Demand{placement.System: pool.Total - pool.Floor - used + need}
	for _, id := range placement.Place(want, []placement.Pool{pool}, held).Victims {
		if in := byID[id]; !in.busy {
			picked = append(picked, in)
			p.clock.Evicted(in.priority)
		}
	}
	return picked
}
