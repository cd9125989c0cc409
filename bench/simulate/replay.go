package main

import (
	"container/heap"
	"slices"
	"time"
)

// inst is one instance in the replay.
type inst struct {
	fn       *function
	busy     bool
	gone     bool
	idleFrom time.Duration
	uses     int64
	turn     int // of expiry: an older one is void
	priority float64
}

// policy decides what a replay does not.
type policy interface {
	// used is told that an instance begins to serve.
	used(now time.Duration, in *inst)
	// arrived is told of an invocation of a function none of whose instances served since then.
	arrived(f *function, idle time.Duration)
	// keep says how long an instance that has become idle stays, and when one is to be started again after its end.
	keep(now time.Duration, in *inst) (keep, prewarm, until time.Duration)
	// victims picks idle instances whose going frees at least need; nil if none would do.
	victims(need bytes, all []*inst) []*inst
}

// forever is a keep-alive without end.
const forever = time.Duration(1 << 62)

// sums are what a replay counts.
type sums struct {
	cold, warm, refused, evicted int
	waited                       time.Duration
	idle                         float64 // byte seconds
	of                           map[*function]*[2]int
}

// coldRatio is that of all invocations together.
func (s *sums) coldRatio() float64 { return float64(s.cold) / float64(max(s.cold+s.warm, 1)) }

func (s *sums) idleGiBHours() float64 { return s.idle / float64(gib) / 3600 }

// medianRatio is the cold-start ratio of the median function: rare ones count as much as busy ones.
func (s *sums) medianRatio() float64 {
	var all []float64
	for _, n := range s.of {
		all = append(all, float64(n[0])/float64(n[0]+n[1]))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// event is something that happens at a time other than a call.
type event struct {
	at   time.Duration
	turn int
	in   *inst     // its service ends, or (expiry) its time is up
	fn   *function // or one is to be started ahead of need
	kind int
	stay time.Duration // of the one started ahead
}

const (
	ends = iota
	expires
	prewarms
	warmed
)

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// world is a machine in a replay.
type world struct {
	policy policy
	free   bytes
	all    map[*inst]struct{}
	idle   map[*function][]*inst
	last   map[*function]time.Duration // when a function's last service ended
	busy   map[*function]int
	todo   events
	sums   sums
}

// replay runs a trace on a machine. Every invocation is served at once, from an idle instance or a new one, or refused
// when busy instances leave no room.
func replay(t trace, memory bytes, p policy) sums {
	w := &world{
		policy: p, free: memory - floor(memory), all: map[*inst]struct{}{}, idle: map[*function][]*inst{},
		last: map[*function]time.Duration{}, busy: map[*function]int{}, sums: sums{of: map[*function]*[2]int{}},
	}
	for _, c := range t.calls {
		w.until(c.at)
		w.serve(c)
	}
	if n := len(t.calls); n > 0 {
		end := t.calls[n-1].at
		w.until(end)
		for in := range w.all {
			w.settle(in, end)
		}
	}
	return w.sums
}

// until lets happen what is due.
func (w *world) until(now time.Duration) {
	for len(w.todo) > 0 && w.todo[0].at <= now {
		switch e := heap.Pop(&w.todo).(event); {
		case e.kind == ends:
			w.rest(e.at, e.in, -1)
		case e.kind == expires && !e.in.gone && !e.in.busy && e.in.turn == e.turn:
			w.remove(e.at, e.in)
		case e.kind == prewarms && len(w.idle[e.fn]) == 0 && w.busy[e.fn] == 0:
			w.ahead(e)
		case e.kind == warmed:
			e.in.busy = false
			w.rest(e.at, e.in, e.stay)
		}
	}
}

// ahead starts an instance before it is needed. It takes as long as any start; a call that comes meanwhile gets another.
func (w *world) ahead(e event) {
	in := w.make(e.at, e.fn)
	if in == nil {
		return
	}
	in.busy = true
	heap.Push(&w.todo, event{at: e.at + e.fn.cold, kind: warmed, in: in, stay: max(e.stay-e.fn.cold, 0)})
}

func (w *world) serve(c call) {
	if w.busy[c.fn] == 0 {
		if last, ok := w.last[c.fn]; ok {
			w.policy.arrived(c.fn, c.at-last)
		}
	}
	count := w.sums.of[c.fn]
	if count == nil {
		count = &[2]int{}
		w.sums.of[c.fn] = count
	}
	end := c.at + c.run
	var in *inst
	if idle := w.idle[c.fn]; len(idle) > 0 {
		in = idle[len(idle)-1]
		w.idle[c.fn] = idle[:len(idle)-1]
		w.settle(in, c.at)
		w.sums.warm++
		count[1]++
	} else if in = w.make(c.at, c.fn); in == nil {
		w.sums.refused++
		return
	} else {
		w.sums.cold++
		count[0]++
		w.sums.waited += c.fn.cold
		end += c.fn.cold
	}
	in.busy = true
	in.uses++
	w.busy[c.fn]++
	w.policy.used(c.at, in)
	heap.Push(&w.todo, event{at: end, kind: ends, in: in})
}

// settle adds the time that an instance has been idle.
func (w *world) settle(in *inst, now time.Duration) {
	if !in.busy {
		w.sums.idle += (now - in.idleFrom).Seconds() * float64(in.fn.size)
	}
}

// rest makes an instance idle, for stay, or as long as the policy says (stay < 0).
func (w *world) rest(now time.Duration, in *inst, stay time.Duration) {
	f := in.fn
	if in.busy {
		w.busy[f]--
		w.last[f] = now
	}
	in.busy, in.idleFrom = false, now
	in.turn++
	w.idle[f] = append(w.idle[f], in)
	if stay >= 0 {
		heap.Push(&w.todo, event{at: now + stay, turn: in.turn, kind: expires, in: in})
		return
	}
	keep, prewarm, until := w.policy.keep(now, in)
	if keep < forever {
		heap.Push(&w.todo, event{at: now + keep, turn: in.turn, kind: expires, in: in})
	}
	if prewarm > 0 {
		heap.Push(&w.todo, event{at: now + prewarm, kind: prewarms, fn: f, stay: until - prewarm})
	}
}

// make starts an instance, evicting what the policy picks; nil if there is no room.
func (w *world) make(now time.Duration, f *function) *inst {
	if f.size > w.free {
		all := make([]*inst, 0, len(w.all))
		for in := range w.all {
			all = append(all, in)
		}
		slices.SortFunc(all, older)
		for _, v := range w.policy.victims(f.size-w.free, all) {
			w.sums.evicted++
			w.remove(now, v)
		}
	}
	if f.size > w.free {
		return nil
	}
	in := &inst{fn: f, idleFrom: now}
	w.all[in] = struct{}{}
	w.free -= f.size
	return in
}

func (w *world) remove(now time.Duration, in *inst) {
	w.settle(in, now)
	in.gone = true
	delete(w.all, in)
	w.free += in.fn.size
	idle := w.idle[in.fn]
	if i := slices.Index(idle, in); i >= 0 {
		w.idle[in.fn] = slices.Delete(idle, i, i+1)
	}
}
