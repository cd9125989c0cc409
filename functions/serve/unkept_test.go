package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/errdefs"
)

func TestPlansThatCannotBeKeptSayWhatWouldDo(t *testing.T) {
	at := func(of error) error {
		return fmt.Errorf("clear: %w", errors.Join(&fs.PathError{Op: "unlinkat", Path: "/a", Err: of}, &fs.PathError{Op: "unlinkat", Path: "/b", Err: of}))
	}
	for _, of := range []error{syscall.EROFS, syscall.EACCES, syscall.ENOTDIR} {
		err := unkept("/m/plans", at(of))
		if want := "plans cannot be kept in /m/plans (" + of.Error() + "); VIDEOSDGX_PLANS names another folder"; !errdefs.IsFailedPrecondition(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	for _, err := range []error{at(syscall.ENOSPC), errors.New("another")} {
		if got := unkept("/m/plans", err); !errors.Is(got, err) || got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
	}
}
