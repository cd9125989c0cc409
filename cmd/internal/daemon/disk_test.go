package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
)

func TestCrowded(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		free, size uint64
		want       bool
	}{{6 * gib, 100 * gib, false}, {4 * gib, 100 * gib, true}, {40 * gib, 1000 * gib, false}, {9 * gib, 1000 * gib, true}, {0, 100 * gib, true}} {
		if got := crowded(c.free, c.size); got != c.want {
			t.Errorf("%d of %d GiB free: %v", c.free/gib, c.size/gib, got)
		}
	}
}

// pile is a hoard of so many things; each is one byte of the disk.
type pile struct {
	name   string
	left   int
	broken bool
	disk   *int
	taken  *[]string
}

func (p *pile) shed() (string, int64, error) {
	if p.broken {
		return "", 0, errors.New("it does not go")
	}
	if p.left == 0 {
		return "", 0, nil
	}
	p.left--
	*p.disk++
	*p.taken = append(*p.taken, p.name)
	return p.name, 1, nil
}

// TestCachesMakeRoom one after the other, and no more than it takes.
func TestCachesMakeRoom(t *testing.T) {
	for name, c := range map[string]struct{ free, want, a, b int }{"one will do": {9, 10, 3, 3}, "both": {5, 10, 2, 9}, "not enough": {0, 10, 2, 3}, "no need": {10, 10, 1, 1}} {
		free, taken := c.free, []string{}
		tight := func() (bool, error) { return free < c.want, nil }
		hoards := []hoard{&pile{name: "broken", broken: true}, &pile{"a", c.a, false, &free, &taken}, &pile{"b", c.b, false, &free, &taken}}
		makeRoom(tight, hoards, slog.New(slog.DiscardHandler))
		want := []string{}
		for i := range c.a {
			if c.free+i < c.want {
				want = append(want, "a")
			}
		}
		for i := range c.b {
			if c.free+c.a+i < c.want {
				want = append(want, "b")
			}
		}
		if fmt.Sprint(taken) != fmt.Sprint(want) {
			t.Errorf("%s: %v went, not %v", name, taken, want)
		}
	}
}
