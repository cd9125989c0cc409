package bundle

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
)

// room refuses to begin where need bytes of weights will not fit, before any is written; those that an earlier build has left
// in dir count.
func (o Options) room(dir string, need int64) error {
	if st, err := os.Stat(filepath.Join(dir, compile.DataName)); err == nil {
		need -= st.Size()
	}
	if o.Room != nil {
		if err := o.Room(need); err != nil {
			return err
		}
	}
	return diskRoom(dir, need)
}

// diskRoom says whether a disk has so much free. One that does not say what it has is taken at its word when it is full.
func diskRoom(dir string, need int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Blocks == 0 {
		return nil
	}
	if free := int64(fs.Bavail) * fs.Bsize; need > free {
		return fmt.Errorf("its weights need %d MiB more and %d MiB are free there: free some or choose an output folder on another disk: %w", need>>20, free>>20, errdefs.ErrResourceExhausted)
	}
	return nil
}
