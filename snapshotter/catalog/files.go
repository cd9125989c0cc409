package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/snapshotter"
)

// scan lists the regular files below dir with their digests, in order of path. Anything else there is an error: a
// snapshot has no links and no devices.
func scan(ctx context.Context, dir string) ([]File, error) {
	var out []File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return &snapshotter.DamageError{File: path, Expected: "a regular file", Found: d.Type().String()}
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out = append(out, File{Path: rel})
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i := range out {
		g.Go(func() (err error) {
			out[i].Bytes, out[i].SHA256, err = digest(ctx, filepath.Join(dir, out[i].Path))
			return err
		})
	}
	return out, g.Wait()
}

// digest reads a file once. It refuses links.
func digest(ctx context.Context, path string) (int64, string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, &ctxReader{ctx, f}, make([]byte, 1<<20))
	return n, hex.EncodeToString(h.Sum(nil)), err
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// identity names one state of a file: it changes with every write, replacement or truncation.
type identity struct {
	dev, ino, size, mtime, ctime uint64
}

// identify refuses what is no file, and what others than us could change between its check and its use.
func identify(path string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return identity{}, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return identity{}, &snapshotter.DamageError{File: path, Expected: "a regular file", Found: "mode " + strconv.FormatUint(uint64(st.Mode), 8)}
	}
	if own := uint32(os.Geteuid()); st.Uid != own || st.Mode&0o022 != 0 {
		return identity{}, &snapshotter.DamageError{
			File: path, Expected: fmt.Sprintf("a file that only user %d may write", own), Found: fmt.Sprintf("user %d, mode %o", st.Uid, st.Mode&0o777),
		}
	}
	return identity{st.Dev, st.Ino, uint64(st.Size), uint64(st.Mtim.Nano()), uint64(st.Ctim.Nano())}, nil
}

// missing turns an absent file into damage of the snapshot.
func missing(f File, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return &snapshotter.DamageError{File: f.Path, Expected: strconv.FormatInt(f.Bytes, 10) + " bytes", Found: "no file"}
	}
	return err
}
