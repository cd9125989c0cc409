package sentence

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

func TestBareHasNoPath(t *testing.T) {
	_, err := os.ReadDir("/nowhere/at/all")
	for _, one := range []error{err, fmt.Errorf("read the folder: %w", err)} {
		if got := Bare(one); got != "no such file or directory" {
			t.Errorf("%q", got)
		}
	}
	if got := Bare(errors.New("it is too large")); got != "it is too large" {
		t.Errorf("%q", got)
	}
}
