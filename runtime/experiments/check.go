package experiments

import (
	"fmt"
	"regexp"

	"github.com/containerd/errdefs"
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// What an experiment holds at most.
const (
	maxPairs = 2000
	maxVotes = 200 // of one pair
)

// Check fills in what is left out, and says in a sentence what would not do.
func (e *Experiment) Check() error {
	bad := func(text string, args ...any) error {
		return fmt.Errorf(text+": %w", append(args, errdefs.ErrInvalidArgument)...)
	}
	if e.Criterion.Votes == 0 {
		e.Criterion.Votes = 20
	}
	if e.Criterion.Confidence == 0 {
		e.Criterion.Confidence = 0.95
	}
	switch c := e.Criterion; {
	case !nameForm.MatchString(e.Name):
		return bad("%.70q is no name for an experiment: small letters, digits and -, 63 at most", e.Name)
	case e.Arms[0].Model == "" || e.Arms[1].Model == "":
		return bad("an experiment has two arms, each with a model")
	case e.Arms[0] == e.Arms[1]:
		return bad("both arms are the same: give two models, or two versions of one")
	case c.Votes < 1 || c.Votes > 100_000:
		return bad("criterion.votes is %d: it must lie in 1…100000", c.Votes)
	case c.Confidence < 0.5 || c.Confidence > 0.999:
		return bad("criterion.confidence is %v: it must lie in 0.5…0.999", c.Confidence)
	case e.Promote == nil && e.Traffic == nil:
		return nil
	case e.Promote != nil && (e.Promote.Function == "" || e.Promote.Alias == ""):
		return bad("promote needs a function and an alias of it")
	case e.Traffic != nil && (e.Traffic.Function == "" || e.Traffic.Alias == ""):
		return bad("traffic needs an alias of the arms' function")
	case e.Traffic != nil && !(e.Traffic.Share >= 0 && e.Traffic.Share <= 1):
		return bad("traffic.share is %v: it must lie in 0…1", e.Traffic.Share)
	case e.Arms[0].Version == "" || e.Arms[1].Version == "":
		return bad("an alias points to versions: both arms must name theirs, which PublishVersion makes")
	case e.Arms[0].Model != e.Arms[1].Model:
		return bad("an alias is of one function: the arms are of different models")
	}
	return nil
}

// Shared notes another share of the traffic.
func (s *Store) Shared(name string, share float64) (Experiment, error) {
	return s.change(name, func(e *Experiment) error {
		if e.Traffic == nil {
			return fmt.Errorf("experiment %s has no traffic to share out: begin one with traffic: %w", name, errdefs.ErrFailedPrecondition)
		}
		t := *e.Traffic
		t.Share, e.Traffic = share, &t
		return e.Check()
	})
}
