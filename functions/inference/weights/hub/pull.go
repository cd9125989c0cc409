package hub

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Options say what to pull and how.
type Options struct {
	Revision string   // branch, tag or commit; "" is main
	Include  []string // patterns of path.Match on whole paths or file names; none: what a checkpoint needs
	Exclude  []string // patterns of what to leave out
	Variant  string   // of the weights, such as "fp16", where a folder has it; "": the best that each folder has
	Parallel int      // files at once; 0: 4
	// Plan hears, once, how many files there are to bring and how many bytes they have; nil: nobody listens.
	Plan func(files int, bytes int64)
	// Room is asked once whether so many bytes may be brought besides those that are there, and says why not; nil: they may.
	Room func(need int64) error
	// Begin is called for each file before it is fetched, from several goroutines; what it returns hears how many bytes
	// of the file are there, and Ended the end. Nil: nobody listens.
	Begin func(e Entry) (progress func(done int64), ended func(err error))
	wait  func(ctx context.Context, attempt int, err error) error // for tests, as is stall
	stall time.Duration
}

// Pulled is what a pull brought.
type Pulled struct {
	Repo, Commit, Dir string
	Files             int
	Bytes             int64
}

// notNeeded is left out unless it is asked for: weights in forms that nothing here reads, and pictures.
var notNeeded = []string{"*.bin", "*.pth", "*.pt", "*.ckpt", "*.msgpack", "*.h5", "*.onnx", "*.onnx_data", "*.gguf", "*.mp4", "*.gif", "*.png", "*.jpg", "*.jpeg", "*.webp", ".gitattributes"}

// Pull downloads a repository's files into dir, as a plain folder, and writes their digests to SHA256SUMS at the end:
// OpenCheckpoint then holds the folder to them. Files that are there and right are not fetched again; an interrupted pull
// goes on where it stopped.
func (c *Client) Pull(ctx context.Context, repo, dir string, o Options) (*Pulled, error) {
	commit, err := c.Resolve(ctx, repo, o.Revision)
	if err != nil {
		return nil, err
	}
	all, err := c.List(ctx, repo, commit)
	if err != nil {
		return nil, err
	}
	files, err := o.choose(all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", repo, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no file that matches: %w", repo, errdefs.ErrNotFound)
	}
	p := &Pulled{Repo: repo, Commit: commit, Dir: dir, Files: len(files)}
	for _, f := range files {
		p.Bytes += f.Size
	}
	if o.Room != nil {
		if err := o.Room(missing(dir, files)); err != nil {
			return nil, fmt.Errorf("%s: %w", repo, err)
		}
	}
	if o.Plan != nil {
		o.Plan(p.Files, p.Bytes)
	}
	sums, err := c.fetchAll(ctx, repo, commit, dir, files, o)
	if err != nil {
		return nil, err
	}
	if err := weights.WriteSums(dir, sums); err != nil {
		return nil, err
	}
	return p, nil
}

// missing is how many bytes of files are not in dir yet.
func missing(dir string, files []Entry) (n int64) {
	for _, f := range files {
		n += f.Size
		if st, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.Path))); err == nil {
			n -= min(st.Size(), f.Size)
		}
	}
	return n
}

func (c *Client) fetchAll(ctx context.Context, repo, commit, dir string, files []Entry, o Options) (map[string]string, error) {
	sums, mu := map[string]string{}, sync.Mutex{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel())
	for _, e := range files {
		group.Go(func() error {
			f := &fetcher{c: c, e: e, url: c.endpoint() + "/" + escape(repo) + "/resolve/" + commit + "/" + escape(e.Path),
				path: filepath.Join(dir, filepath.FromSlash(e.Path)), report: func(int64) {}, wait: backoff, stall: stall}
			ended := func(error) {}
			if o.Begin != nil {
				f.report, ended = o.Begin(e)
			}
			if o.wait != nil {
				f.wait, f.stall = o.wait, o.stall
			}
			sum, err := f.run(ctx)
			ended(err)
			mu.Lock()
			defer mu.Unlock()
			sums[e.Path] = sum
			return err
		})
	}
	return sums, group.Wait()
}

func (o Options) parallel() int {
	if o.Parallel < 1 {
		return 4
	}
	return o.Parallel
}

func matches(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		whole, _ := path.Match(pattern, p)
		base, _ := path.Match(pattern, path.Base(p))
		return whole || base || strings.HasSuffix(pattern, "/") && strings.HasPrefix(p, pattern)
	})
}

// CheckPatterns says whether path.Match understands every pattern.
func CheckPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%q is no pattern: write such as vae/* or *.json: %w", p, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
