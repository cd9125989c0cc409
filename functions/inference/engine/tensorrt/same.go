package tensorrt

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Checksum tells the plan that a session of this engine has opened from another that may lie at its path by now; empty where nothing is
// written down of it.
func Checksum(s engine.Session) string {
	if of, ok := s.(*session); ok {
		return of.sum
	}
	return ""
}

// same says whether file, which lies at the plan's path by now, holds the plan that the session was opened with: that one was compared and timed.
// A file that has not been written since is not read for it. FailedPrecondition: it is another plan, or nobody can tell.
func (s *session) same(file *os.File) error {
	now, err := file.Stat()
	if err != nil {
		return fmt.Errorf("look at plan: %w", err)
	}
	if s.from == nil {
		s.from = now
		return nil
	}
	if os.SameFile(s.from, now) && s.from.Size() == now.Size() && s.from.ModTime().Equal(now.ModTime()) {
		return nil
	}
	_, is, err := sumOf(file)
	if _, back := file.Seek(0, io.SeekStart); err != nil || back != nil {
		return fmt.Errorf("read plan: %w", errors.Join(err, back))
	}
	if s.sum == "" || is != s.sum {
		return fmt.Errorf("another plan was built at %s while this session's was away from the GPU: it is compared and taken at the next start: %w", s.path, errdefs.ErrFailedPrecondition)
	}
	s.from = now // moved, or of another mount
	return nil
}
