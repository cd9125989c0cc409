package spec

import (
	"errors"
	"testing"
)

func TestImageErrorOfNoImage(t *testing.T) {
	for image, want := range map[string]string{"": "there is none", "x:1": "the image x:1 of the function cannot be had: there is none"} {
		if got := (&ImageError{Image: image, Err: errors.New("there is none")}).Error(); got != want {
			t.Errorf("%q: %s", image, got)
		}
	}
}
