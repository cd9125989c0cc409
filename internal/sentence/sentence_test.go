package sentence

import (
	"errors"
	"fmt"
	"testing"

	"github.com/containerd/errdefs"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("there is none: %w", errdefs.ErrNotFound), "there is none"},
		{fmt.Errorf("outer: %w", fmt.Errorf("inner (%w)", errdefs.ErrInvalidArgument)), "outer: inner"},
		{fmt.Errorf("the file is damaged: %w", errdefs.ErrDataLoss), "the file is damaged"},
		{errors.New("the file says: not found"), "the file says: not found"},
		{fmt.Errorf("it said: not found: %w", errdefs.ErrUnavailable), "it said: not found"},
		{fmt.Errorf("%w: then more", errdefs.ErrConflict), errdefs.ErrConflict.Error() + ": then more"},
		{errdefs.ErrNotFound, errdefs.ErrNotFound.Error()},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
