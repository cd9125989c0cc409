package placement

import (
	"cmp"
	"slices"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Holding is what an instance has been given.
type Holding struct {
	ID       string
	Demand   Demand
	Settled  bool    // what it uses shows in the pools' Available by now
	Movable  bool    // idle, not pinned, not one of the function's minInstances
	Yields   bool    // busy, but Movable once it is not, and nobody waits for it longer than for this start
	Stays    bool    // pinned, or one of the function's minInstances: waiting for it to go is in vain
	Priority float64 // what keeping it is worth, see Clock
}

// Verdict is the kind of a Decision.
type Verdict int

// The verdicts.
const (
	Fits  Verdict = iota // it may start
	Evict                // it may start once Victims are gone
	Wait                 // what is in its way is busy: decide again when something changes
	Full                 // memory is taken by what is not ours or never goes: waiting for the others of ours does not help
	Never                // it is larger than the pool
)

// Decision is what to do about one start.
type Decision struct {
	Verdict Verdict
	Victims []string   // for Evict; for Wait: those that would make room once they are idle
	Pool    string     // for the others: the pool that is short,
	Need    spec.Bytes // what was asked of it,
	Most    spec.Bytes // what it could give: ever (Never), without those that may go (Full), or now,
	Kept    spec.Bytes // and, for Full, what those have that stay
}

// Place decides whether an instance with this demand may start.
func Place(want Demand, pools []Pool, held []Holding) Decision {
	for _, p := range pools {
		if most := p.Total - p.Floor; want[p.Name] > most {
			return Decision{Verdict: Never, Pool: p.Name, Need: want[p.Name], Most: most}
		}
	}
	short, lack := lacking(want, pools, held, nil)
	if lack == 0 {
		return Decision{Verdict: Fits}
	}
	if v := victims(want, pools, held, func(h Holding) bool { return h.Movable }); v != nil {
		return Decision{Verdict: Evict, Victims: v}
	}
	if d, full := full(want, pools, held); full {
		return d
	}
	later := victims(want, pools, held, func(h Holding) bool { return h.Movable || h.Yields })
	return Decision{Verdict: Wait, Victims: later, Pool: short.Name, Need: want[short.Name], Most: max(want[short.Name]-lack, 0)}
}

// full says whether there would be no room either once all had gone that ever will.
func full(want Demand, pools []Pool, held []Holding) (Decision, bool) {
	gone, later := map[string]bool{}, slices.Clone(held)
	for i, h := range later {
		if !h.Stays {
			gone[h.ID], later[i].Settled = true, true // by then what it uses shows, and comes back
		}
	}
	short, lack := lacking(want, pools, later, gone)
	if lack == 0 {
		return Decision{}, false
	}
	d := Decision{Verdict: Full, Pool: short.Name, Need: want[short.Name], Most: max(want[short.Name]-lack, 0)}
	for _, h := range held {
		if h.Stays {
			d.Kept += h.Demand[short.Name]
		}
	}
	return d, true
}

// lacking gives the first pool that is short and by how much, were the instances in gone not there.
func lacking(want Demand, pools []Pool, held []Holding, gone map[string]bool) (Pool, spec.Bytes) {
	for _, p := range pools {
		if lack := want[p.Name] - free(p, held, gone); want[p.Name] > 0 && lack > 0 {
			return p, lack
		}
	}
	return Pool{}, 0
}

// free is the lesser of two truths: the budget less what has been promised, and what the machine has less what has been
// promised but is not in use yet. Memory of an instance that goes away comes back to both.
func free(p Pool, held []Holding, gone map[string]bool) spec.Bytes {
	budget, actual := p.Total-p.Floor, p.Available-p.Floor
	for _, h := range held {
		switch n := h.Demand[p.Name]; {
		case gone[h.ID] && h.Settled:
			actual += n
		case gone[h.ID]:
		case h.Settled:
			budget -= n
		default:
			budget, actual = budget-n, actual-n
		}
	}
	if p.Available < 0 {
		return budget
	}
	return min(budget, actual)
}

// victims picks, among those that may go, the instances worth least whose going makes room, and spares those that turn out not to be
// needed. nil: all of them together would not do.
func victims(want Demand, pools []Pool, held []Holding, may func(Holding) bool) []string {
	movable := slices.DeleteFunc(slices.Clone(held), func(h Holding) bool { return !may(h) })
	slices.SortFunc(movable, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.ID, b.ID))
	})
	gone := map[string]bool{}
	enough := func() bool { _, lack := lacking(want, pools, held, gone); return lack == 0 }
	for i := 0; i < len(movable) && !enough(); i++ {
		gone[movable[i].ID] = true
	}
	if !enough() {
		return nil
	}
	var ids []string
	for _, h := range slices.Backward(movable) {
		if !gone[h.ID] {
			continue
		}
		delete(gone, h.ID)
		if !enough() {
			gone[h.ID] = true
			ids = append(ids, h.ID)
		}
	}
	slices.Reverse(ids)
	return ids
}
