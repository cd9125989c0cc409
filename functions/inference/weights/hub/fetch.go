package hub

import (
	"context"
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
}

// stall is the default of fetcher.stall.
const stall = time.Minute

// attempts bounds tries that bring nothing; one that brings bytes starts the count anew.
const attempts = 5

// partial is where the bytes lie until they are complete. The digest is in the name: a file that changed in the
// repository is begun anew.
func (f *fetcher) partial() string {
	id := f.e.SHA256
	if id == "" {
		id = f.e.Git
	}
	return f.path + "." + id[:12] + ".partial"
}

// run gets the file, resuming what is there, and gives its sha256 as 64 hex digits.
func (f *fetcher) run(ctx context.Context) (string, error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return "", fmt.Errorf("cannot make the checkpoint's folder: %w", err)
	}
	if sum, ok := f.present(ctx); ok {
		f.report(f.e.Size)
		return sum, nil
	}
	for tries := 0; ; tries++ {
		before := f.have()
		err := f.attempt(ctx)
		if err == nil {
			break
		}
		if !errdefs.IsUnavailable(err) {
			return "", err
		}
		if f.have() > before {
			tries = 0
		}
		if tries+1 >= attempts {
			return "", fmt.Errorf("given up after %d tries; run the same command to resume: %w", attempts, err)
		}
		if err := f.wait(ctx, tries, err); err != nil {
			return "", err
		}
	}
	return f.finish(ctx)
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
	headers := map[string]string{"Accept-Encoding": "identity"}
	if have > 0 {
		headers["Range"] = "bytes=" + strconv.FormatInt(have, 10) + "-"
		if tag, err := os.ReadFile(f.partial() + ".etag"); err == nil && len(tag) > 0 {
			headers["If-Range"] = string(tag)
		}
	}
	res, err := f.c.get(ctx, f.url, headers)
	if err != nil {
		return orCause(whole, err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		have = 0
	case http.StatusPartialContent:
		if !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
			res.Body.Close()
			return fmt.Errorf("%s: asked for bytes from %d on, got %q: %w", f.e.Path, have, res.Header.Get("Content-Range"), errdefs.ErrDataLoss)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		res.Body.Close()
		os.Remove(f.partial())
		return fmt.Errorf("%s: the part that is there fits no longer: %w", f.e.Path, errdefs.ErrUnavailable)
	default:
		return f.c.status(res, f.e.Path)
	}
	defer res.Body.Close()
	f.keepTag(res.Header.Get("ETag"))
	return orCause(whole, f.receive(res.Body, have))
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
