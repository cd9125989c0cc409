// Package ids maps the users and groups of instances onto numbers of this machine that own nothing else: an image's user 42
// is never the machine's user 42. It knows nothing of containers.
package ids

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
)

// Size is how many users, and groups, an instance has: 0 to 65535.
const Size = 65536

// unclaimed is where the range begins on a machine that gives none to us: above everything that useradd, subuid files and
// systemd hand out by themselves.
const unclaimed = 4_200_000_000

// Account is whose line in /etc/subuid and /etc/subgid names a range instead.
const Account = "videosdgx"

// Range is where instances' ids lie on the machine: id n inside is UID+n, or GID+n, outside.
type Range struct{ UID, GID uint32 }

// Find reads the machine's subuid and subgid files below etc ("/etc"). A range of Account's that is too small is an error.
func Find(etc fs.FS) (Range, error) {
	uid, err := first(etc, "subuid")
	if err != nil {
		return Range{}, err
	}
	gid, err := first(etc, "subgid")
	return Range{uid, gid}, err
}

// first is the beginning of Account's range in a file of NAME:START:COUNT lines.
func first(etc fs.FS, name string) (uint32, error) {
	text, err := fs.ReadFile(etc, name)
	if err != nil {
		return unclaimed, nil //nolint:nilerr // most machines have none
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != Account {
			continue
		}
		start, err := strconv.ParseUint(f[1], 10, 32)
		count, cerr := strconv.ParseUint(f[2], 10, 64)
		if err != nil || cerr != nil || start < Size || count < Size || start+Size > 1<<32-1 {
			return 0, fmt.Errorf("%s gives %s %s ids from %s: it needs %d, from %d or higher: %w",
				filepath.Join("/etc", name), Account, f[2], f[1], Size, Size, errdefs.ErrInvalidArgument)
		}
		return uint32(start), nil
	}
	return unclaimed, nil
}

// Maps are the user namespace's, as "inside:outside:count".
func (r Range) Maps() (uid, gid string) {
	return fmt.Sprintf("0:%d:%d", r.UID, Size), fmt.Sprintf("0:%d:%d", r.GID, Size)
}

func (r Range) String() string { return fmt.Sprintf("%d:%d", r.UID, r.GID) }
