package jobs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const watched = "0194a3e0-0000-7000-8000-000000000001"

// theatre is one job's show and what players have seen of it.
type theatre struct {
	t *testing.T
	*show
	token int64
	seen  string // the list as it was last
}

func newTheatre(t *testing.T) *theatre {
	t.Helper()
	o, err := openOutputs(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &theatre{t: t, show: &show{out: o}}
}

// attempt begins one, and adds a head and chunks to it.
func (h *theatre) attempt(parts ...string) *growing {
	h.t.Helper()
	h.token++
	g, err := h.out.newGrowing(fileName(watched, h.token, StreamPiece, "video/mp4"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.begin(g)
	h.add(g, parts...)
	return g
}

func (h *theatre) add(g *growing, parts ...string) {
	h.t.Helper()
	for _, p := range parts {
		if err := g.add(strings.NewReader(p), 1); err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.grown(); err != nil {
			h.t.Fatal(err)
		}
		h.look()
	}
}

// fail ends an attempt without a clip.
func (h *theatre) fail() {
	h.t.Helper()
	if err := h.rest(false); err != nil {
		h.t.Fatal(err)
	}
	h.look()
}

// restart is a new process: what it knows lies on the disk.
func (h *theatre) restart() {
	h.t.Helper()
	s, err := newShows(h.out).find(watched)
	if err != nil || s == nil {
		h.t.Fatalf("after a restart: %v, %v", s, err)
	}
	h.show = s
	h.look()
}

// look asks that the list has only grown, by content too.
func (h *theatre) look() {
	h.t.Helper()
	st, ok := h.now()
	if !ok {
		if h.seen != "" {
			h.t.Errorf("the list %q is gone", h.seen)
		}
		return
	}
	got := listOf(h.t, st)
	if !strings.HasPrefix(got, h.seen) {
		h.t.Errorf("the list %q has become %q", h.seen, got)
	}
	h.seen = got
}

// listOf is what a player has that plays the whole list.
func listOf(t *testing.T, st Stream) string {
	t.Helper()
	var b strings.Builder
	for i, s := range st.Segments() {
		if i == 0 || s.Anew {
			fmt.Fprintf(&b, "[%s]", segment(t, st, i, true))
		}
		fmt.Fprintf(&b, "%s ", segment(t, st, i, false))
	}
	return b.String()
}

func segment(t *testing.T, st Stream, i int, head bool) string {
	t.Helper()
	f, at, size, err := st.OpenSegment(i, head)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, at, size))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// left are the files that a job has in the making.
func (h *theatre) left() (names []string) {
	entries, _ := os.ReadDir(filepath.Join(h.out.dir, partialDir))
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(e.Name(), watched))
	}
	return names
}

// An attempt that gives the same bytes takes the place of the one before without a trace, a restart in between or not.
func TestARetryThatGivesTheSameIsNotNoticed(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newTheatre(t)
		h.attempt("H", "a", "b", "c")
		before, _ := h.now()
		h.fail()
		if restart {
			h.restart()
		}
		g := h.attempt("H", "a", "b")
		if h.seen != "[H]a b c " {
			t.Errorf("while the second attempt is behind: %q", h.seen)
		}
		h.add(g, "c", "d")
		if got := h.left(); !slices.Equal(got, []string{".2.stream.index", ".2.stream.mp4"}) {
			t.Errorf("left are %v", got)
		}
		if now, _ := h.now(); !now.Continues(before) {
			t.Errorf("restarted %v: the second does not continue the first", restart)
		}
		if !restart && listOf(t, before) != "[H]a b c " {
			t.Error("who looked at the first has lost it")
		}
		p, err := h.keep()
		if err != nil || len(p.Earlier) != 0 || len(p.Chunks) != 4 {
			t.Errorf("%+v, %v", p, err)
		}
		if h.seen != "[H]a b c d " || len(h.left()) != 0 {
			t.Errorf("%q, left %v", h.seen, h.left())
		}
	}
}

// An attempt that gives other bytes goes on after what was shown, in the record too; as one file it is whole by itself.
func TestARetryThatGivesOtherBytesGoesOnBehind(t *testing.T) {
	for name, c := range map[string]struct{ head, a, b string }{"other head": {"I", "a", "b"}, "other first": {"H", "x", "b"}, "other second": {"H", "a", "y"}, "other size": {"H", "aa", "b"}} {
		h := newTheatre(t)
		h.attempt("H", "a", "b")
		before, _ := h.now()
		h.fail()
		h.attempt(c.head, c.a, c.b, "c")
		if want := fmt.Sprintf("[H]a b [%s]c ", c.head); h.seen != want {
			t.Errorf("%s: %q, want %q", name, h.seen, want)
		}
		now, _ := h.now()
		if at, size := now.Range(2); now.Continues(before) || len(now.Chunks) != 3 || at != int64(len(c.head+c.a+c.b)) || size != 1 {
			t.Errorf("%s: the file has %v, continues %v", name, now.Chunks, now.Continues(before))
		}
		p, err := h.keep()
		if err != nil || len(p.Earlier) != 1 || len(h.left()) != 0 {
			t.Fatalf("%s: %+v, %v, left %v", name, p, err, h.left())
		}
		s := &Service{out: h.out}
		st, ok := s.recordedStream(Job{Result: &Result{Pieces: []Piece{p}}})
		if got := listOf(t, st); !ok || got != h.seen || !st.Ended {
			t.Errorf("%s: the record has %q, players have seen %q", name, got, h.seen)
		}
		r := Result{Size: 1, Pieces: []Piece{p}}
		if len(r.files()) != 3 || r.bytes() != 1+3+p.Size {
			t.Errorf("%s: the result has %v, %d bytes", name, r.files(), r.bytes())
		}
	}
}

// Attempts that fail one after the other, each in another way, never take from a list.
func TestNoAttemptTakesFromAList(t *testing.T) {
	h := newTheatre(t)
	h.attempt() // nothing
	h.fail()
	h.attempt("H") // no chunk
	h.fail()
	h.attempt("H", "a", "b")
	h.fail()
	h.attempt("I", "x") // other, and shorter: never listed
	h.fail()
	h.restart()
	h.attempt("H", "a") // the same, and shorter
	h.restart()         // killed
	h.attempt("I", "x", "y", "z")
	h.fail()
	h.restart()
	h.attempt("H", "a", "b", "z", "end")
	if _, err := h.keep(); err != nil || h.seen != "[H]a b [I]z [H]end " {
		t.Errorf("%q, %v", h.seen, err)
	}
	if left := h.left(); slices.ContainsFunc(left, func(n string) bool {
		return strings.HasPrefix(n, ".3.") || strings.HasPrefix(n, ".6.") || strings.HasPrefix(n, ".7.")
	}) {
		t.Errorf("what the record names is left in the making: %v", left)
	}
	if err := newShows(h.out).end(watched); err != nil || len(h.left()) != 0 {
		t.Errorf("left %v, %v", h.left(), err)
	}
}

// A clip with fewer chunks than were shown of it ends where they end.
func TestARetryThatIsShorterEndsTheList(t *testing.T) {
	h := newTheatre(t)
	h.attempt("H", "a", "b")
	h.fail()
	h.attempt("H", "a")
	p, err := h.keep()
	st, _ := (&Service{out: h.out}).recordedStream(Job{Result: &Result{Pieces: []Piece{p}}})
	if err != nil || listOf(t, st) != "[H]a b " || len(st.Chunks) != 1 {
		t.Errorf("%q, %v", listOf(t, st), err)
	}
}

// A full disk gets the bytes back. Then nothing is listed until there is more than players have seen.
func TestAFullDiskTakesTheBytesNotTheCount(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newTheatre(t)
		h.attempt("H", "a", "b")
		if err := h.rest(true); err != nil {
			t.Fatal(err)
		}
		if got := h.left(); !slices.Equal(got, []string{".1.stream.index"}) {
			t.Errorf("left are %v", got)
		}
		if h.seen = ""; restart {
			h.restart()
		}
		g := h.attempt("H", "a", "b")
		if _, ok := h.now(); ok {
			t.Error("a list of two is shown again, chunk by chunk")
		}
		h.add(g, "c")
		if h.seen != "[H]a b c " {
			t.Errorf("%q", h.seen)
		}
	}
}

// Readers open a stream at any moment of its life: where it is made, where it lies for good, when another attempt's file takes its
// place. None finds it missing, and each reads what it was told of.
func TestAStreamIsThereWhileItMoves(t *testing.T) {
	h := newTheatre(t)
	const chunks = 40
	parts := []string{"HEAD"}
	for i := range chunks {
		parts = append(parts, fmt.Sprintf("chunk %3d;", i))
	}
	whole := strings.Join(parts, "")
	h.attempt(parts[:20]...)
	h.fail()
	stop := make(chan struct{})
	var readers, warm sync.WaitGroup
	failed := make(chan error, 64)
	for range 32 {
		warm.Add(1)
		warmed := sync.OnceFunc(warm.Done)
		readers.Go(func() {
			defer warmed()
			for n := 0; ; n++ {
				if err := readStream(h.show, whole); err != nil {
					failed <- err
					return
				}
				if n == 1 {
					warmed()
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	warm.Wait()
	early, _ := h.now()
	g := h.attempt(parts...)
	late, _ := h.now()
	if _, err := h.keep(); err != nil {
		t.Fatal(err)
	}
	for i, st := range []Stream{early, late} { // as they were, opened now
		if got, err := readAll(st); err != nil || got != whole[:len(got)] {
			t.Errorf("look %d: %q, %v", i, got, err)
		}
	}
	close(stop)
	readers.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if g.path == filepath.Join(h.out.dir, partialDir, g.name) {
		t.Error("the file did not move")
	}
}

func readStream(s *show, whole string) error {
	st, ok := s.now()
	if !ok {
		return errors.New("nothing is shown")
	}
	got, err := readAll(st)
	if err != nil || !strings.HasPrefix(whole, got) {
		return fmt.Errorf("%q, %w", got, err)
	}
	n := st.Listed() - 1
	f, _, _, err := st.OpenSegment(n, false)
	if err != nil {
		return fmt.Errorf("chunk %d: %w", n, err)
	}
	return f.Close()
}

func readAll(st Stream) (string, error) {
	f, err := st.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	at, size := st.Range(len(st.Chunks) - 1)
	b, err := io.ReadAll(io.NewSectionReader(f, 0, at+size))
	return string(b), err
}
