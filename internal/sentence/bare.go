package sentence

import (
	"errors"
	"io/fs"
)

// Bare is what the system says of a file ("permission denied"), without its path, which whoever says it has named. Other errors are as they
// are.
func Bare(err error) string {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err.Error()
	}
	return err.Error()
}
