package roster

import (
	"iter"
	"slices"
)

// Table is the members of one version. The zero Table is empty and ready.
type Table[T any] struct {
	serving []*Seat[T]
	spares  []*Seat[T] // the last one staged is at the end
	free    []*Seat[T] // of serving, those with a free place; the last one used is at the end

	starting, staging, ahead, inFlight int
}

// Expect notes that a start is under way, or (-1) is no more; ahead: nobody waits for it, an event is only likely.
func (t *Table[T]) Expect(n int, ahead bool) {
	t.starting += n
	if ahead {
		t.ahead += n
	}
}

// ExpectSpare notes that a spare is being staged, or (-1) is no more.
func (t *Table[T]) ExpectSpare(n int) { t.staging += n }

// Serving counts who serves, Starting the starts under way, Ahead those of them that nobody waits for.
func (t *Table[T]) Serving() int  { return len(t.serving) }
func (t *Table[T]) Starting() int { return t.starting }
func (t *Table[T]) Ahead() int    { return t.ahead }

// InFlight counts the events of all members, also of those that leave.
func (t *Table[T]) InFlight() int { return t.inFlight }

// Instances counts who serves and who is on the way to.
func (t *Table[T]) Instances() int { return len(t.serving) + t.starting }

// Spares counts the staged ones and those on the way.
func (t *Table[T]) Spares() int { return len(t.spares) + t.staging }

// All goes through who serves; the members may leave meanwhile.
func (t *Table[T]) All() iter.Seq[*Seat[T]] { return slices.Values(slices.Clone(t.serving)) }

// Staged goes through the spares; they may leave meanwhile.
func (t *Table[T]) Staged() iter.Seq[*Seat[T]] { return slices.Values(slices.Clone(t.spares)) }

// Keep makes a member that arrives a spare.
func (t *Table[T]) Keep(s *Seat[T]) {
	s.to(Spare)
	t.spares = append(t.spares, s)
}

// Unstage gives the newest spare, which arrives from then on; nil if there is none.
func (t *Table[T]) Unstage() *Seat[T] {
	n := len(t.spares) - 1
	if n < 0 {
		return nil
	}
	s := t.spares[n]
	t.spares = t.spares[:n]
	s.to(Arriving)
	return s
}

// Join has a member that arrives serve. It is given nothing before Offer or Take.
func (t *Table[T]) Join(s *Seat[T]) {
	s.to(Serving)
	t.serving = append(t.serving, s)
}

// Leave is the one way out, from every place; idle says that nothing is in flight, so that the member may be ended now.
// Otherwise Release says when. first is false for one that is leaving already: its reason stays.
func (t *Table[T]) Leave(s *Seat[T], why Reason) (idle, first bool) {
	if s.place == Leaving {
		return s.Idle(), false
	}
	t.unlist(s)
	t.serving = without(t.serving, s)
	t.spares = without(t.spares, s)
	s.to(Leaving)
	s.why = why
	return s.Idle(), true
}

// Pick gives the member that was used last among those with a free place that may be used now, so that those not needed
// become idle and go; nil if there is none. Those that may not be used are offered again by Offer.
func (t *Table[T]) Pick(usable func(T) bool) *Seat[T] {
	for n := len(t.free); n > 0; n = len(t.free) {
		if s := t.free[n-1]; s.Free() && usable(s.Of) {
			return s
		}
		t.free[n-1].listed = false
		t.free = t.free[:n-1]
	}
	return nil
}

// Take gives a member with a free place one event.
func (t *Table[T]) Take(s *Seat[T]) {
	if !s.Free() {
		panic("roster: a member without a free place was taken")
	}
	s.used++
	s.taken++
	t.inFlight++
	if !s.Free() {
		t.unlist(s)
	}
}

// Release notes that an event of a member, or its loan, is over; last says that it was the last of one that leaves.
func (t *Table[T]) Release(s *Seat[T]) (last bool) {
	if s.used == 0 {
		panic("roster: more events ended than began")
	}
	s.used--
	if !s.lent {
		t.inFlight--
	}
	return s.place == Leaving && s.used == 0
}

// Offer lists a member that has a free place for Pick.
func (t *Table[T]) Offer(s *Seat[T]) {
	if s.Free() && !s.listed {
		s.listed = true
		t.free = append(t.free, s)
	}
}

func (t *Table[T]) unlist(s *Seat[T]) {
	if s.listed {
		s.listed = false
		t.free = without(t.free, s)
	}
}

// without takes s out of a list; who was used last is near the end.
func without[T any](list []*Seat[T], s *Seat[T]) []*Seat[T] {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == s {
			return slices.Delete(list, i, i+1)
		}
	}
	return list
}
