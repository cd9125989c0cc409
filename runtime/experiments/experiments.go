// Package experiments compares two models, or two versions of one, by what people see: it keeps pairs of clips that were
// made of the same request, shows them without saying which is which, counts votes, and says when one arm has won.
package experiments

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Arm is one of two sides.
type Arm struct {
	Model   string `json:"model"`
	Version string `json:"version,omitempty"` // of its function; "": $LATEST
}

// Criterion says when an arm has won: so many votes that are no ties, and an interval of its share that lies above one half.
type Criterion struct {
	Votes      int     `json:"votes"`      // default 20
	Confidence float64 `json:"confidence"` // of the interval, two-sided; default 0.95
}

// Promotion is what happens to a win: the alias of a function is pointed to the winner's version.
type Promotion struct {
	Function string `json:"function"`
	Alias    string `json:"alias"`
}

// Traffic is an alias that both arms serve while the experiment lasts.
type Traffic struct {
	Function string  `json:"function"`
	Alias    string  `json:"alias"`
	Share    float64 `json:"share"` // of arm 1, 0 to 1
}

// Vote is what somebody preferred.
type Vote struct {
	By   string    `json:"by"`
	Arm  int       `json:"arm"` // 0, 1, or Tie
	Time time.Time `json:"time"`
}

// Tie is the arm of a vote for neither.
const Tie = -1

// Pair is a request that both arms were given.
type Pair struct {
	ID      string          `json:"id"`
	Jobs    [2]string       `json:"jobs"`    // by arm
	Swapped bool            `json:"swapped"` // arm 1 is shown on the left
	Request json.RawMessage `json:"request"`
	Created time.Time       `json:"created"`
	Votes   []Vote          `json:"votes"`
}

// Left gives the arm that is shown on the left.
func (p Pair) Left() int {
	if p.Swapped {
		return 1
	}
	return 0
}

// Experiment is one comparison.
type Experiment struct {
	Name      string     `json:"name"`
	Arms      [2]Arm     `json:"arms"`
	Criterion Criterion  `json:"criterion"`
	Promote   *Promotion `json:"promote,omitempty"`
	Traffic   *Traffic   `json:"traffic,omitempty"`
	Created   time.Time  `json:"created"`
	Decided   time.Time  `json:"decided,omitzero"`
	Winner    *int       `json:"winner,omitempty"`  // the arm that has won
	Promoted  time.Time  `json:"promoted,omitzero"` // its version got the alias
	Failure   string     `json:"failure,omitempty"` // why it did not
	Pairs     []Pair     `json:"pairs"`
}

// Store keeps experiments as files, one each. Safe for concurrent use.
type Store struct {
	dir string
	now func() time.Time
	mu  sync.Mutex
	all map[string]*Experiment
}

// Open reads what a folder holds, and makes it where there is none.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, now: func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }, all: map[string]*Experiment{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of experiments: %w", err)
	}
	entries, err := os.ReadDir(dir)
	for _, f := range entries {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok || !nameForm.MatchString(name) {
			continue
		}
		var e Experiment
		b, rerr := os.ReadFile(filepath.Join(dir, f.Name()))
		if rerr == nil {
			rerr = json.Unmarshal(b, &e)
		}
		if rerr != nil {
			return nil, fmt.Errorf("experiment %s cannot be read, move its file away or mend it: %w", name, rerr)
		}
		s.all[name] = &e
	}
	return s, err
}

// Create begins an experiment; AlreadyExists for a name that is taken.
func (s *Store) Create(e Experiment) (Experiment, error) {
	if err := e.Check(); err != nil {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[e.Name] != nil {
		return e, fmt.Errorf("there is an experiment %s already: choose another name, or delete it: %w", e.Name, errdefs.ErrAlreadyExists)
	}
	e.Created, e.Pairs = s.now(), []Pair{}
	e.Decided, e.Winner, e.Promoted, e.Failure = time.Time{}, nil, time.Time{}, ""
	return e, s.put(&e)
}

// put writes an experiment and then shows it; the caller holds s.mu.
func (s *Store) put(e *Experiment) error {
	b, err := json.MarshalIndent(e, "", " ")
	if err == nil {
		err = atomicfile.Write(filepath.Join(s.dir, e.Name+".json"), b, 0o600)
	}
	if err == nil {
		s.all[e.Name] = e
	}
	return err
}

// List gives all by name.
func (s *Store) List() []Experiment {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Experiment{}
	for _, name := range slices.Sorted(maps.Keys(s.all)) {
		out = append(out, s.all[name].clone())
	}
	return out
}

func (e *Experiment) clone() Experiment {
	c := *e
	c.Pairs = slices.Clone(e.Pairs)
	for i := range c.Pairs {
		c.Pairs[i].Votes = slices.Clone(e.Pairs[i].Votes)
	}
	return c
}

// Get finds one; NotFound.
func (s *Store) Get(name string) (Experiment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[name]; e != nil {
		return e.clone(), nil
	}
	return Experiment{}, notFound(name)
}

func notFound(name string) error {
	return fmt.Errorf("there is no experiment %.70q: %w", name, errdefs.ErrNotFound)
}

// Delete removes one; the clips stay.
func (s *Store) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] == nil {
		return notFound(name)
	}
	if err := os.Remove(filepath.Join(s.dir, name+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the experiment: %w", err)
	}
	delete(s.all, name)
	return nil
}

// change works on a copy and keeps it when it is written.
func (s *Store) change(name string, f func(*Experiment) error) (Experiment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.all[name]
	if old == nil {
		return Experiment{}, notFound(name)
	}
	e := old.clone()
	if err := f(&e); err != nil {
		return old.clone(), err
	}
	if err := s.put(&e); err != nil {
		return old.clone(), err
	}
	return e.clone(), nil
}

// AddPair adds what both arms were asked to make.
func (s *Store) AddPair(name string, p Pair) error {
	_, err := s.change(name, func(e *Experiment) error {
		if len(e.Pairs) >= maxPairs {
			return fmt.Errorf("the experiment has %d pairs, which is all it may have: begin another one: %w", maxPairs, errdefs.ErrResourceExhausted)
		}
		p.Created, p.Votes = s.now(), []Vote{}
		e.Pairs = append(e.Pairs, p)
		return nil
	})
	return err
}

// Vote counts somebody's choice between the sides of a pair, and decides the experiment where its criterion holds now.
// Whoever votes again changes their vote, until it is decided.
func (s *Store) Vote(name, pair, by string, arm int) (Experiment, error) {
	return s.change(name, func(e *Experiment) error {
		i := slices.IndexFunc(e.Pairs, func(p Pair) bool { return p.ID == pair })
		if i < 0 {
			return fmt.Errorf("experiment %s has no pair %.70q: %w", name, pair, errdefs.ErrNotFound)
		}
		if e.Winner != nil {
			return fmt.Errorf("experiment %s is decided: it takes no more votes: %w", name, errdefs.ErrFailedPrecondition)
		}
		p := &e.Pairs[i]
		p.Votes = slices.DeleteFunc(p.Votes, func(v Vote) bool { return v.By == by })
		if len(p.Votes) >= maxVotes {
			return fmt.Errorf("the pair has %d votes, which is all it may have: %w", maxVotes, errdefs.ErrResourceExhausted)
		}
		p.Votes = append(p.Votes, Vote{By: by, Arm: arm, Time: s.now()})
		if w, ok := e.Score().decides(e.Criterion); ok {
			e.Winner, e.Decided = &w, s.now()
		}
		return nil
	})
}

// Promoted notes that the winner's version got its alias, or why it did not.
func (s *Store) Promoted(name string, err error) (Experiment, error) {
	return s.change(name, func(e *Experiment) error {
		if err != nil {
			e.Failure = err.Error()
			return nil
		}
		e.Promoted, e.Failure = s.now(), ""
		return nil
	})
}
