// Package near says which of some names may have been meant by one that is not among them.
package near

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	likely  = 3   // names are suggested at most
	listed  = 5   // names are listed at most where none is like the wanted one
	longest = 200 // bytes of a name that is compared letter by letter
)

// Names are those of all that may have been meant, the likeliest first: two letters off or a third of them, capital and small
// ones being the same, or the one a part of the other.
func Names(want string, all []string) (names []string) {
	type guess struct {
		name string
		off  int
	}
	var guesses []guess
	folded := strings.ToLower(want)
	for _, n := range all {
		lower := strings.ToLower(n)
		off := distance(folded, lower)
		if off <= max(2, len(want)/3) && 2*off <= max(len(want), len(n)) || holds(lower, folded) || holds(folded, lower) {
			guesses = append(guesses, guess{n, off})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(a.off, b.off) })
	for _, g := range guesses[:min(likely, len(guesses))] {
		names = append(names, g.name)
	}
	return names
}

// Hint is a clause for whoever asked for a name that there is not: what may have been meant, or what there is.
func Hint(want string, all []string) string {
	if like := Names(want, all); len(like) > 0 {
		return "did you mean " + strings.Join(like, " or ") + "?"
	}
	list := slices.Sorted(slices.Values(all))
	switch n := len(list); {
	case n == 0:
		return "there is none yet"
	case n == 1:
		return "there is " + list[0]
	case n > listed:
		return fmt.Sprintf("there are %d, such as %s", n, strings.Join(list[:listed], ", "))
	}
	return "there are " + strings.Join(list, ", ")
}

// holds says whether a name begins with a part, or has one of three letters and more anywhere.
func holds(name, part string) bool {
	return part != "" && strings.HasPrefix(name, part) || len(part) > 2 && strings.Contains(name, part)
}

// distance is Levenshtein's, over bytes: how many are put in, left out or changed.
func distance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
