package serve

import (
	"fmt"
	"os"
	"strconv"

	"github.com/containerd/errdefs"
)

// amount reads a number of bytes from the environment; 0: nobody has said.
func amount(name string) (int64, error) {
	s := os.Getenv(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q: a number of bytes would do: %w", name, s, errdefs.ErrInvalidArgument)
	}
	return n, nil
}

// count reads a whole number from 1 on from the environment; 0: nobody has said.
func count(name string) (int, error) {
	s := os.Getenv(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q: a whole number from 1 on would do: %w", name, s, errdefs.ErrInvalidArgument)
	}
	return n, nil
}
