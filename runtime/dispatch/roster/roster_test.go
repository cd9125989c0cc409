package roster

import (
	"slices"
	"testing"
)

// step is one thing that can be done to one member.
type step struct {
	name string
	do   func(*Table[int], *Seat[int])
	// may says whether it is allowed, of a naive model of the member; then it changes that.
	may func(*naive) bool
}

// naive is what a member's line should say.
type naive struct {
	place      Place
	used, most int
	why        Reason
	offered    bool // has been offered since it could take nothing
}

func (n *naive) move(from []Place, to Place) bool {
	if !slices.Contains(from, n.place) {
		return false
	}
	n.place = to
	return true
}

var steps = []step{
	{"keep", func(t *Table[int], s *Seat[int]) { t.Keep(s) }, func(n *naive) bool { return n.move([]Place{Arriving}, Spare) }},
	{"join", func(t *Table[int], s *Seat[int]) { t.Join(s) }, func(n *naive) bool { return n.move([]Place{Arriving}, Serving) }},
	{"take", func(t *Table[int], s *Seat[int]) { t.Take(s) }, func(n *naive) bool {
		ok := n.place == Serving && n.used < n.most
		if ok {
			n.used++
			n.offered = n.offered && n.used < n.most
		}
		return ok
	}},
	{"release", func(t *Table[int], s *Seat[int]) { t.Release(s) }, func(n *naive) bool {
		ok := n.used > 0
		if ok {
			n.used--
		}
		return ok
	}},
	{"offer", func(t *Table[int], s *Seat[int]) { t.Offer(s) }, func(n *naive) bool {
		n.offered = n.offered || n.place == Serving && n.used < n.most
		return true
	}},
	{"leave", func(t *Table[int], s *Seat[int]) { t.Leave(s, Reaped) }, func(n *naive) bool {
		n.place, n.why, n.offered = Leaving, Reaped, false
		return true
	}},
}

// TestEveryWay takes every way of so many steps that three members can go together, and looks at the table after each.
func TestEveryWay(t *testing.T) {
	const most = 5
	took := map[[2]Place]bool{}
	var walk func(way []int)
	walk = func(way []int) {
		if !replay(t, way, took) || len(way) == most {
			return
		}
		for n := range 3 * len(steps) {
			walk(append(slices.Clone(way), n))
		}
	}
	walk(nil)
	for from, next := range moves {
		for _, to := range next {
			if from != Spare || to != Arriving { // Unstage, see TestTheNewestSpareGoesFirst
				if !took[[2]Place{from, to}] {
					t.Errorf("no way went from %s to %s", from, to)
				}
			}
		}
	}
}

// replay goes one way; false: its last step was refused, as it should be.
func replay(t *testing.T, way []int, took map[[2]Place]bool) bool {
	var table Table[int]
	seats := []*Seat[int]{NewSeat(0, 1), NewSeat(1, 2), NewLent(2)}
	model := []naive{{most: 1}, {most: 2}, {most: 1, used: 1, place: Lent}}
	for at, n := range way {
		m, s := n/len(steps), steps[n%len(steps)]
		before := seats[m].Place()
		may, did := s.may(&model[m]), tries(func() { s.do(&table, seats[m]) })
		if may != did {
			t.Fatalf("%v: step %d, %s of member %d: done %v, want %v", way, at, s.name, m, did, may)
		}
		if !did {
			return false
		}
		took[[2]Place{before, seats[m].Place()}] = true
	}
	check(t, way, &table, seats, model)
	return true
}

func tries(f func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	f()
	return true
}

func check(t *testing.T, way []int, table *Table[int], seats []*Seat[int], model []naive) {
	t.Helper()
	serving, spares, inFlight, pick := 0, 0, 0, false
	for i, n := range model {
		s := seats[i]
		if s.Place() != n.place || s.InFlight() != n.used || s.Why() != n.why || s.Serves() != (n.place == Serving) {
			t.Fatalf("%v: member %d is %+v, want %+v", way, i, s, n)
		}
		switch n.place {
		case Serving:
			serving++
		case Spare:
			spares++
		}
		if i < 2 {
			inFlight += n.used
		}
		pick = pick || n.offered
	}
	if table.Serving() != serving || table.Spares() != spares || table.InFlight() != inFlight {
		t.Fatalf("%v: %d serve, %d spares, %d in flight; want %d, %d, %d", way, table.Serving(), table.Spares(), table.InFlight(), serving, spares, inFlight)
	}
	if s := table.Pick(func(int) bool { return true }); (s != nil) != pick || (s != nil && !s.Free()) {
		t.Fatalf("%v: picked %+v, want one: %v", way, s, pick)
	}
}

func TestTheNewestSpareGoesFirst(t *testing.T) {
	var table Table[string]
	a, b := NewSeat("a", 1), NewSeat("b", 1)
	table.Keep(a)
	table.Keep(b)
	if got := table.Unstage(); got != b || b.Place() != Arriving || table.Spares() != 1 {
		t.Errorf("got %+v", got)
	}
	table.Leave(a, Surplus)
	if got := table.Unstage(); got != nil {
		t.Errorf("got %+v of none", got)
	}
}

func TestTheLastUsedIsPickedFirst(t *testing.T) {
	var table Table[string]
	for _, name := range []string{"a", "b", "c"} {
		s := NewSeat(name, 1)
		table.Join(s)
		table.Offer(s)
	}
	if s := table.Pick(func(n string) bool { return n != "c" }); s.Of != "b" {
		t.Errorf("picked %s", s.Of)
	}
}

// TestLeavingIsForGood: the first reason stays, and the last event says when it may be ended.
func TestLeavingIsForGood(t *testing.T) {
	var table Table[string]
	s := NewSeat("a", 2)
	table.Join(s)
	table.Take(s)
	table.Take(s)
	if idle, first := table.Leave(s, Retired); idle || !first {
		t.Error("it is idle, or had left before")
	}
	if _, first := table.Leave(s, Died); first || s.Why() != Retired {
		t.Errorf("it leaves twice, now because %s", s.Why())
	}
	if table.Release(s) || !table.Release(s) {
		t.Error("its last event is not the last")
	}
}
