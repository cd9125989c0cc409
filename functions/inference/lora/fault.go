package lora

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Fault says why LoRAs cannot be merged into a model, in a sentence for whoever asks for them: it has names, and no paths. It is
// of class InvalidArgument, or of Class where that is set.
type Fault struct {
	Detail string
	Class  error
}

func (f *Fault) Error() string { return f.Detail }

// Unwrap gives the class.
func (f *Fault) Unwrap() error {
	if f.Class != nil {
		return f.Class
	}
	return errdefs.ErrInvalidArgument
}

// Refuse is the Fault of the LoRA at path, whose name the sentence begins with.
func Refuse(path, format string, args ...any) error {
	return &Fault{Detail: fmt.Sprintf("LoRA %s %s", filepath.Base(path), shown(fmt.Sprintf(format, args...)))}
}

// mostShown bounds a sentence, in bytes: names in a file may have any length.
const mostShown = 600

// shown is a sentence that may be written to a terminal: what a file calls its parts need not be fit for that.
func shown(text string) string {
	if len(text) > mostShown {
		text = text[:mostShown/2] + "…" + text[len(text)-mostShown/2:]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// Changing is the Fault of one that is written to while it is read.
func Changing(path string) error {
	return &Fault{Detail: fmt.Sprintf("LoRA %s changed while it was read: ask again once nothing writes to it", filepath.Base(path)), Class: errdefs.ErrUnavailable}
}

// asFault makes a Fault of what is wrong with the file at path; other errors stay as they are.
func asFault(path string, err error) error {
	var format *weights.FormatError
	if errors.As(err, &format) {
		reason := format.Reason
		if format.Tensor != "" {
			reason = fmt.Sprintf("its tensor %q: %s", format.Tensor, reason)
		}
		return Refuse(path, "cannot be read: %s", reason)
	}
	return err
}
