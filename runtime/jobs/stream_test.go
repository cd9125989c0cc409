package jobs

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// Each says what would do for this job: one that was cancelled gets no chunks by asking for them.
func TestWithoutChunksAJobSaysWhatWouldDo(t *testing.T) {
	for want, j := range map[string]Job{
		"cancelled, and its chunks are not kept":                                {State: Cancelled},
		"dead, and its chunks are not kept":                                     {State: Dead},
		"removed by retention":                                                  {State: Completed, Result: &Result{Removed: true}},
		`completed and has no chunks to show: ask for them with "stream": true`: {State: Completed, Result: &Result{}},
		`queued and has no chunks to show: ask for them with "stream": true`:    {State: Queued},
	} {
		j.ID = watched
		if err := j.noChunks(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), watched) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
