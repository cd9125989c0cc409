// Package roster is the member table of one version of a function: who serves, with how many events in flight, who is
// staged or on its way, who has left and why. It is the only place where that is known. Pure: no clocks, goroutines or
// I/O; whoever has a table guards it.
package roster

import "fmt"

// Place is where a member stands.
type Place int

// The places. From each a member may go to those that follow, as moves has it.
const (
	Arriving Place = iota // on its way to serve, or to be a spare
	Spare                 // staged: it can be started quickly
	Lent                  // serves nobody: somebody has it to make a snapshot, which counts as one event
	Serving               // takes events
	Leaving               // takes no further event and goes with its last one; there is no way back
)

func (p Place) String() string {
	return [...]string{"arriving", "spare", "lent", "serving", "leaving"}[p]
}

// Reason is why a member leaves, in words for people.
type Reason string

// The reasons.
const (
	Failed   Reason = "it did not start"
	Surplus  Reason = "the function may have no more"
	Retired  Reason = "its version has been replaced or deleted"
	Reaped   Reason = "its keep-alive is over"
	Evicted  Reason = "another start needs its room"
	Died     Reason = "it ended by itself"
	Useless  Reason = "its last event left it of no use"
	Asked    Reason = "somebody asked for it"
	Returned Reason = "who had borrowed it is done"
	Stopping Reason = "the runtime stops"
)

// moves is the chart of places.
var moves = map[Place][]Place{
	Arriving: {Spare, Serving, Leaving},
	Spare:    {Arriving, Leaving},
	Lent:     {Leaving},
	Serving:  {Leaving},
	Leaving:  {},
}

// Seat is a member's line in its table. Of is who it is.
type Seat[T any] struct {
	Of T

	place  Place
	why    Reason
	most   int // events at a time
	used   int // events in flight, or promised to who waited
	taken  int64
	lent   bool
	listed bool // in Table.free
}

// NewSeat is the line of a member that arrives and will take so many events at a time.
func NewSeat[T any](of T, most int) *Seat[T] { return &Seat[T]{Of: of, most: most} }

// NewLent is the line of a member that is lent until it is released.
func NewLent[T any](of T) *Seat[T] {
	return &Seat[T]{Of: of, place: Lent, most: 1, used: 1, lent: true}
}

// Place is where the member stands.
func (s *Seat[T]) Place() Place { return s.place }

// Serves says that it takes events, be it busy or not.
func (s *Seat[T]) Serves() bool { return s.place == Serving }

// Idle says that nothing is in flight.
func (s *Seat[T]) Idle() bool { return s.used == 0 }

// InFlight counts its events, promised ones too.
func (s *Seat[T]) InFlight() int { return s.used }

// Taken counts the events that it was ever given.
func (s *Seat[T]) Taken() int64 { return s.taken }

// Why is the reason for which it leaves, "" if it does not.
func (s *Seat[T]) Why() Reason { return s.why }

// Free says that it can take an event.
func (s *Seat[T]) Free() bool { return s.place == Serving && s.used < s.most }

// to moves a seat. A step that the chart does not have is a fault of this program.
func (s *Seat[T]) to(p Place) {
	for _, next := range moves[s.place] {
		if next == p {
			s.place = p
			return
		}
	}
	panic(fmt.Sprintf("roster: a member cannot go from %s to %s", s.place, p))
}
