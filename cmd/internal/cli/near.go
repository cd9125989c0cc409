package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// near gives those of all names that somebody who wrote name may have meant, the likeliest first, three at the most: two letters
// off in capitals or small ones, or the one begins with the other.
func near(name string, all []string) []string {
	type guess struct {
		name string
		off  int
	}
	var guesses []guess
	name = strings.ToLower(name)
	for _, n := range all {
		lower := strings.ToLower(n)
		off := distance(name, lower)
		if off <= 2 && off < len(n) || name != "" && (strings.HasPrefix(lower, name) || strings.HasPrefix(name, lower)) {
			guesses = append(guesses, guess{n, off})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(a.off, b.off) })
	var names []string
	for _, g := range guesses[:min(3, len(guesses))] {
		names = append(names, g.name)
	}
	return names
}

// nearModel adds to the refusal of a model that the server does not have those that may have been meant.
func nearModel(ctx context.Context, c *client.Client, model string, err error) error {
	if !client.IsNotFound(err) {
		return err
	}
	all, _ := modelNames(ctx, c) // none, where this key may not list them
	for i := range all {
		all[i], _, _ = strings.Cut(all[i], "\t")
	}
	like := near(model, all)
	if len(like) == 0 || slices.Contains(all, model) {
		return err
	}
	return fmt.Errorf("%w; did you mean %s?", err, strings.Join(like, " or "))
}
