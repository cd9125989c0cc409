package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/runtime/diskuse"
)

// outputs is the directory of results. A result is written under partial/, synced, renamed to its final name and the
// directory synced, so that a final name only ever shows a whole file. Names carry the claim's token: two nodes never
// write the same one.
type outputs struct {
	dir  string
	step func(string) error
	free func(string) (uint64, error)
}

const partialDir = ".partial"

func openOutputs(dir string, step func(string) error, free func(string) (uint64, error)) (*outputs, error) {
	if step == nil {
		step = func(string) error { return nil }
	}
	if free == nil {
		free = statfs
	}
	if err := os.MkdirAll(filepath.Join(dir, partialDir), 0o700); err != nil {
		return nil, fmt.Errorf("making the outputs directory: %w", err)
	}
	return &outputs{dir: dir, step: step, free: free}, nil
}

func statfs(dir string) (uint64, error) {
	free, _, err := diskuse.Disk(dir)
	return uint64(free), err
}

// Disk says how many bytes the disk of results has, and how many of them are free.
func (s *Service) Disk() (free, size uint64, err error) {
	of, in, err := diskuse.Disk(s.out.dir)
	return uint64(of), uint64(in), err
}

var extensions = map[string]string{
	"video/mp4": "mp4", "video/webm": "webm", "image/gif": "gif", "image/png": "png", "image/jpeg": "jpg",
	"audio/wav": "wav", "audio/mpeg": "mp3", "application/json": "json", "application/zip": "zip",
}

// fileName names a result, or a piece of one.
func fileName(id string, token int64, piece, mediaType string) string {
	ext := extensions[mediaType]
	if ext == "" {
		ext = "bin"
	}
	if piece != "" {
		ext = piece + "." + ext
	}
	return id + "." + strconv.FormatInt(token, 10) + "." + ext
}

var fileForm = regexp.MustCompile(`^([0-9a-f-]{36})\.([0-9]{1,18})\.(?:[a-z0-9_-]{1,32}\.)?[0-9a-z]+$`)

// parseName undoes fileName.
func parseName(name string) (id string, token int64, ok bool) {
	m := fileForm.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	token, err := strconv.ParseInt(m[2], 10, 64)
	return m[1], token, err == nil
}

// save writes a result durably and gives its record. On an error nothing remains.
func (o *outputs) save(ctx context.Context, name, contentType string, r io.Reader) (*Result, error) {
	partial := filepath.Join(o.dir, partialDir, name)
	sum, size, err := o.write(ctx, partial, r)
	if err == nil {
		err = o.publish(partial, filepath.Join(o.dir, name))
	}
	if err != nil {
		os.Remove(partial)
		return nil, err
	}
	return &Result{File: name, Size: size, SHA256: sum, ContentType: contentType}, nil
}

func (o *outputs) write(ctx context.Context, path string, r io.Reader) (string, int64, error) {
	if err := o.step("create"); err != nil {
		return "", 0, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("creating the result's file: %w", err)
	}
	h := sha256.New()
	n, err := copyResult(ctx, f, h, r, o.step)
	if err == nil {
		err = errors.Join(o.step("sync"), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, fmt.Errorf("writing the result: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// readError marks an error of the function's side, not of the disk.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

func copyResult(ctx context.Context, f *os.File, h hash.Hash, r io.Reader, step func(string) error) (int64, error) {
	buf, total := make([]byte, 256<<10), int64(0)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if werr := step("write"); werr != nil {
				return total, werr
			}
			if _, werr := f.Write(buf[:n]); werr != nil {
				return total, werr
			}
			h.Write(buf[:n])
			total += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return total, context.Cause(ctx)
		case err != nil:
			return total, readError{err}
		}
	}
}

func (o *outputs) publish(partial, final string) error {
	if err := o.step("rename"); err != nil {
		return err
	}
	if err := os.Rename(partial, final); err != nil {
		return fmt.Errorf("publishing the result: %w", err)
	}
	if err := errors.Join(o.step("syncdir"), atomicfile.SyncDir(o.dir)); err != nil {
		os.Remove(final)
		return err
	}
	return nil
}

// open gives a result's file; its name comes from a record and is checked all the same.
func (o *outputs) open(r Result) (*os.File, error) {
	if _, _, ok := parseName(r.File); !ok {
		return nil, fmt.Errorf("the record names the file %q, which is no result's name: %w", r.File, errdefs.ErrInternal)
	}
	f, err := os.Open(filepath.Join(o.dir, r.File))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the result's file is gone from the outputs directory: %w", errdefs.ErrNotFound)
	}
	return f, err
}

func (o *outputs) remove(r *Result) error {
	if r == nil || r.Removed {
		return nil
	}
	for _, name := range r.files() {
		if err := os.Remove(filepath.Join(o.dir, filepath.Base(name))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a result: %w", err)
		}
	}
	return nil
}

// full tells whether less than keep bytes are free.
func (o *outputs) full(keep int64) (bool, error) {
	n, err := o.free(o.dir)
	return err == nil && n < uint64(keep), err
}
