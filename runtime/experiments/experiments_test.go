package experiments

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
)

func TestWilson(t *testing.T) {
	// published examples: 0 of 10 and 8 of 10 at 95 % (Newcombe 1998 gives the method's values)
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 10, 0, 0.2775}, {8, 10, 0.4902, 0.9433}, {81, 263, 0.2553, 0.3662}, {0, 0, 0, 1}} {
		if _, low, high := wilson(c.k, c.n, 0.95); math.Abs(low-c.low) > 5e-4 || math.Abs(high-c.high) > 5e-4 {
			t.Errorf("%d of %d: %.4f…%.4f, want %.4f…%.4f", c.k, c.n, low, high, c.low, c.high)
		}
	}
}

func begun(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVotesDecideAndSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s := begun(t, dir)
	if _, err := s.Create(Experiment{Name: "ab", Arms: [2]Arm{{Model: "m", Version: "1"}, {Model: "m", Version: "2"}}, Criterion: Criterion{Votes: 6}}); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if err := s.AddPair("ab", Pair{ID: fmt.Sprint(i), Jobs: [2]string{"a", "b"}, Request: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Vote("ab", "0", "ana", 0)
	if err == nil {
		e, err = s.Vote("ab", "0", "ana", Tie) // she has changed her mind
	}
	if err != nil || e.Score().Ties != 1 || e.Score().Votes != [2]int{} {
		t.Fatalf("%+v %v", e.Score(), err)
	}
	for i := 1; i < 8 && e.Winner == nil; i++ {
		if e, err = s.Vote("ab", fmt.Sprint(i), "ana", 1); err != nil {
			t.Fatal(err)
		}
	}
	if e.Winner == nil || *e.Winner != 1 || e.Score().Votes[1] != 6 || e.Decided.IsZero() {
		t.Errorf("%+v, %+v", e.Winner, e.Score())
	}
	if _, err := s.Vote("ab", "7", "bob", 0); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a vote on what is decided: %v", err)
	}
	again, err := begun(t, dir).Get("ab")
	if err != nil || cmp.Diff(e, again) != "" {
		t.Error(err, cmp.Diff(e, again))
	}
	if err := s.Delete("ab"); err != nil {
		t.Error(err)
	}
	if _, err := begun(t, dir).Get("ab"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func TestAnEvenMatchIsNotDecided(t *testing.T) {
	c := Criterion{Votes: 10, Confidence: 0.95}
	for k := range 101 {
		s := Score{Votes: [2]int{k, 100 - k}}
		_, s.Low, s.High = wilson(k, 100, c.Confidence)
		arm, ok := s.decides(c)
		if want := k < 41 || k > 59; ok != want || ok && arm != map[bool]int{true: 0, false: 1}[k > 50] {
			t.Errorf("%d of 100: arm %d, %t", k, arm, ok)
		}
	}
}

func TestWhatWouldNotDo(t *testing.T) {
	two := [2]Arm{{Model: "m", Version: "1"}, {Model: "m", Version: "2"}}
	for text, e := range map[string]Experiment{
		"name":       {Name: "A B", Arms: two},
		"arms":       {Name: "x"},
		"same":       {Name: "x", Arms: [2]Arm{two[0], two[0]}},
		"votes":      {Name: "x", Arms: two, Criterion: Criterion{Votes: -1}},
		"confidence": {Name: "x", Arms: two, Criterion: Criterion{Confidence: 1}},
		"alias":      {Name: "x", Arms: two, Promote: &Promotion{Function: "f"}},
		"version":    {Name: "x", Arms: [2]Arm{{Model: "m"}, {Model: "n"}}, Promote: &Promotion{Function: "f", Alias: "live"}},
	} {
		if _, err := begun(t, t.TempDir()).Create(e); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", text, err)
		}
	}
	s := begun(t, t.TempDir())
	if _, err := s.Create(Experiment{Name: "x", Arms: two}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(Experiment{Name: "x", Arms: two}); !errdefs.IsAlreadyExists(err) {
		t.Error(err)
	}
	if _, err := s.Vote("x", "none", "ana", 0); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a broken file is passed over")
	}
}
