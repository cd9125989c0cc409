package place

import (
	"fmt"
	"os"

	"github.com/containerd/errdefs"
)

// IsFile says whether a mount's source is a file; one that is not there is a clear error before anything is made.
func IsFile(source string) (bool, error) {
	st, err := os.Stat(source)
	if err != nil {
		return false, fmt.Errorf("mount source %s: %w (%w)", source, err, errdefs.ErrNotFound)
	}
	return !st.IsDir(), nil
}
