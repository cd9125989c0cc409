package hub

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// fetcher downloads one file.
type fetcher struct {
	c      *Client
	url    string
	e      Entry
	path   string // of the finished file
	report func(done int64)
	wait   func(ctx context.Context, attempt int, err error) error
	stall  time.Duration // without a byte for so long, a transfer is begun anew
	alive  *time.Timer
	whole  bool // ask for the file from its beginning
}

// stall is the default of fetcher.stall.
const stall = time.Minute

// attempts bounds tries that bring nothing; one that brings bytes starts the count anew.
const attempts = 5

// partial is where the bytes lie until they are complete. The digest is in the name: a file that changed in the
// repository is begun anew. A name that would be too long with what is added to it gives way to its digest.
func (f *fetcher) partial() string {
	id := f.e.SHA256
	if id == "" {
		id = f.e.Git
	}
	dir, name := filepath.Split(f.path)
	const added = len(".0123456789ab.partial.etag")
	if len(name)+added > maxName {
		name = fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:24]
	}
	return dir + name + "." + id[:12] + ".partial"
}

// maxName is how long a file's name may be on Linux's file systems, in bytes.
const maxName = 255

// run gets the file, resuming what is there, and gives its sha256 as 64 hex digits.
func (f *fetcher) run(ctx context.Context) (string, error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return "", fmt.Errorf("cannot make the checkpoint's folder: %w", err)
	}
	if sum, ok := f.present(ctx); ok {
		f.report(f.e.Size)
		return sum, nil
	}
	resumed := f.have() > 0
	for {
		if err := f.persist(ctx); err != nil {
			return "", err
		}
		sum, err := f.finish(ctx)
		if err == nil || !resumed || !errdefs.IsDataLoss(err) {
			return sum, err
		}
		resumed = false // what lay there from an earlier run was wrong: once more, from the beginning
	}
}

// persist tries until every byte is there.
func (f *fetcher) persist(ctx context.Context) error {
	for tries := 0; ; tries++ {
		before := f.have()
		err := f.attempt(ctx)
		if err == nil || !errdefs.IsUnavailable(err) {
			return err
		}
		if f.have() > before {
			tries = 0
		}
		if tries+1 >= attempts {
			return fmt.Errorf("given up after %d tries; run the same command to resume: %w", attempts, err)
		}
		if err := f.wait(ctx, tries, err); err != nil {
			return err
		}
	}
}

// present says whether the finished file is there and right.
func (f *fetcher) present(ctx context.Context) (string, bool) {
	st, err := os.Stat(f.path)
	if err != nil || st.Size() != f.e.Size {
		return "", false
	}
	s, err := readSums(ctx, f.path, f.e.Size)
	ok, _, _ := s.matches(f.e)
	return hexSHA256(s), ok && err == nil
}

func (f *fetcher) have() int64 {
	st, err := os.Stat(f.partial())
	if err != nil {
		return 0
	}
	return st.Size()
}

// attempt asks for what is missing. The digest at the end, not a validator, decides whether the parts fit together;
// If-Range still saves a transfer that could not.
func (f *fetcher) attempt(ctx context.Context) error {
	have := f.have()
	if have > f.e.Size {
		if err := os.Remove(f.partial()); err != nil {
			return err
		}
		have = 0
	}
	if have == f.e.Size && have > 0 {
		return nil
	}
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.alive = time.AfterFunc(f.stall, cancel)
	defer f.alive.Stop()
	res, err := f.c.get(ctx, f.url, f.headers(have))
	if err != nil {
		return orCause(whole, err)
	}
	defer res.Body.Close()
	if have, err = f.from(res, have); err != nil {
		return err
	}
	body, err := f.content(res, have)
	if err != nil {
		return orCause(whole, err)
	}
	f.keepTag(res.Header.Get("ETag"))
	return orCause(whole, f.receive(body, have))
}

func (f *fetcher) headers(have int64) map[string]string {
	h := map[string]string{"Accept-Encoding": "identity"}
	if have == 0 || f.whole {
		return h
	}
	h["Range"] = "bytes=" + strconv.FormatInt(have, 10) + "-"
	if tag, err := os.ReadFile(f.partial() + ".etag"); err == nil && len(tag) > 0 {
		h["If-Range"] = string(tag)
	}
	return h
}

// from says at which byte of the file an answer begins.
func (f *fetcher) from(res *http.Response, have int64) (int64, error) {
	switch res.StatusCode {
	case http.StatusOK:
		return 0, nil
	case http.StatusPartialContent:
		if !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
			return 0, fmt.Errorf("%s: asked for bytes from %d on, got %q: %w", f.e.Path, have, res.Header.Get("Content-Range"), errdefs.ErrDataLoss)
		}
		return have, nil
	case http.StatusRequestedRangeNotSatisfiable:
		os.Remove(f.partial())
		return 0, fmt.Errorf("%s: the part that is there fits no longer: %w", f.e.Path, errdefs.ErrUnavailable)
	}
	return 0, f.c.status(res, f.e.Path)
}

// keepTag remembers a strong validator for If-Range; after a redirect it is the one of the host that serves the bytes.
func (f *fetcher) keepTag(tag string) {
	if strings.HasPrefix(tag, `"`) {
		_ = os.WriteFile(f.partial()+".etag", []byte(tag), 0o644) // without it the transfer resumes all the same
	}
}

// finish verifies the bytes and gives them their name.
func (f *fetcher) finish(ctx context.Context) (string, error) {
	if f.e.Size == 0 {
		if err := os.WriteFile(f.partial(), nil, 0o644); err != nil {
			return "", fmt.Errorf("cannot write the download: %w", err)
		}
	}
	s, err := readSums(ctx, f.partial(), f.e.Size)
	if err != nil {
		return "", fmt.Errorf("cannot verify the download: %w", err)
	}
	os.Remove(f.partial() + ".etag")
	if ok, expected, found := s.matches(f.e); !ok {
		os.Remove(f.partial()) // resuming it would give the same
		return "", &weights.DigestError{File: f.path, Expected: expected, Found: found}
	}
	if err := os.Rename(f.partial(), f.path); err != nil {
		return "", fmt.Errorf("cannot finish the download: %w", err)
	}
	return hexSHA256(s), nil
}

func hexSHA256(s sums) string { return fmt.Sprintf("%x", s.sha256.Sum(nil)) }
