package criu

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// Error is a dump or restore that failed, in the words of CRIU's log.
type Error struct {
	Log   string   // file
	Lines []string // the last that tell of an error, at most three; none when CRIU was ended
}

func (e *Error) Error() string {
	if len(e.Lines) == 0 {
		return "CRIU ended without saying why"
	}
	return "CRIU says " + strings.Join(e.Lines, "; ")
}

// Unwrap gives the class: ResourceExhausted for a full disk or memory, DataLoss for images that cannot be read, NotImplemented
// for what CRIU cannot dump, Aborted where it was ended, else Internal.
func (e *Error) Unwrap() error {
	if len(e.Lines) == 0 {
		return errdefs.ErrAborted
	}
	text := strings.Join(e.Lines, "\n")
	for _, c := range classes {
		for _, words := range c.words {
			if strings.Contains(text, words) {
				return c.err
			}
		}
	}
	return errdefs.ErrInternal
}

// IsInFlight tells whether a dump failed at a connection that nobody had accepted yet: the same dump may pass a moment later.
func IsInFlight(err error) bool {
	var e *Error
	return errors.As(err, &e) && slices.ContainsFunc(e.Lines, func(line string) bool { return strings.Contains(line, "In-flight connection") })
}

var classes = []struct {
	err   error
	words []string
}{
	{errdefs.ErrResourceExhausted, []string{"No space left", "Cannot allocate memory", "Disk quota exceeded"}},
	{errdefs.ErrDataLoss, []string{"Magic doesn't match", "Unexpected EOF", "Corrupted", "Unpack failed", "No such file", "Can't read"}},
	{errdefs.ErrNotImplemented, []string{"not supported", "unsupported", "Can't dump"}},
}

// Fault reads what went wrong from a log. It is never nil.
func Fault(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return &Error{Log: file, Lines: []string{"nothing: it wrote no log"}}
	}
	defer f.Close()
	lines := faults(f)
	return &Error{Log: file, Lines: lines[max(0, len(lines)-3):]}
}

// faults are the lines that tell of errors, without time and source file, but for the harmless.
func faults(r io.Reader) (found []string) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		_, text, ok := strings.Cut(s.Text(), "Error (")
		if ok && !slices.ContainsFunc(harmless, func(words string) bool { return strings.Contains(text, words) }) {
			found = append(found, "("+text)
		}
	}
	return found
}

// harmless is what tells of no fault: that it cannot raise its limit of open files, which it lacks the right to and does not
// need, and what its helpers say when it has been killed.
var harmless = []string{"setup RLIMIT_NOFILE", "recv req error"}

// tail is how much of a log's end holds its last line that begins with a time, in bytes.
const tail = 4 << 10

// Took is how long CRIU was at work, by the time on its log's last line.
func Took(file string) (time.Duration, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	b := make([]byte, tail)
	n, err := f.ReadAt(b, max(0, st.Size()-tail))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	lines := strings.Split(string(b[:n]), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if d, ok := stamp(lines[i]); ok {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%s has no times in it: %w", file, errdefs.ErrNotFound)
}

// stamp reads "(00.159756) …": seconds since CRIU's start.
func stamp(line string) (time.Duration, bool) {
	text, ok := strings.CutPrefix(line, "(")
	text, _, closed := strings.Cut(text, ")")
	s, err := strconv.ParseFloat(text, 64)
	if !ok || !closed || err != nil || s < 0 || s > 1e6 {
		return 0, false
	}
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond), true
}
