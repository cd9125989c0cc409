package tensorrt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

const (
	factsEnding   = ".json"
	partialPrefix = ".partial-"
	maxFacts      = 4 << 20 // bytes; a graph's scales and shapes are far fewer
	idBytes       = 8       // of the hash in a plan's name
)

// path is where the plan of these facts lies.
func (p *Plans) path(f Facts) (string, error) {
	name, err := f.name()
	folder := fmt.Sprintf("%s-sm_%d", strings.ReplaceAll(strings.ToLower(f.Library), " ", "-"), f.Target.Capability)
	return filepath.Join(p.Dir, folder, name), err
}

// name is that of the plan of these facts. The graph's own path is not among them: a bundle may be moved.
func (f Facts) name() (string, error) {
	key := Facts{Graph: strings.TrimSuffix(filepath.Base(f.Graph), ".onnx"), Bundle: f.Bundle, Library: f.Library, Target: f.Target, Recipe: f.Recipe}
	key.Recipe.Model, key.Recipe.Limits = "", ResourceLimits{}
	raw, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	again := Facts{} // as it is read back: what is no text in JSON becomes some
	if err := json.Unmarshal(raw, &again); err != nil {
		return "", err
	}
	if raw, err = json.Marshal(again); err != nil {
		return "", err
	}
	id := sha256.Sum256(raw)
	return key.Graph + "-" + hex.EncodeToString(id[:idBytes]) + ".plan", nil
}

// of says whether these are the facts of the plan at path, whose name says all that it depends on: not damaged, nor another plan's.
func (f Facts) of(path string) bool {
	name, err := f.name()
	return err == nil && readable(name) == readable(filepath.Base(path))
}

// fromCache says whether a plan is called as Plans calls them.
func fromCache(path string) bool {
	name, ok := strings.CutSuffix(filepath.Base(path), ".plan")
	at := strings.LastIndexByte(name, '-')
	id, err := hex.DecodeString(name[at+1:])
	return ok && at > 0 && err == nil && len(id) == idBytes
}

// readable is a name as it comes back from JSON.
func readable(name string) string { return string([]rune(name)) }

// Known is what is known of the plan at path. NotFound: there is none. DataLoss: it is not what was written, nobody wrote
// down what it was, or what is written down is another plan's.
func Known(path string) (f Facts, err error) {
	if f, err = facts(path); err != nil {
		return f, err
	}
	if !f.of(path) {
		return f, fmt.Errorf("what lies beside the plan %s is damaged, or of another plan: %w", path, errdefs.ErrDataLoss)
	}
	n, s, err := sum(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errdefs.IsDataLoss(err) {
		return f, fmt.Errorf("read plan: %w", err)
	}
	if err != nil || n != f.Bytes || s != f.Sum {
		return f, fmt.Errorf("plan %s has %d bytes with the checksum %s, not %d with %s: %w", path, n, s, f.Bytes, f.Sum, errdefs.ErrDataLoss)
	}
	return f, nil
}

// facts is what was written down of the plan at path, which is not read itself.
func facts(path string) (f Facts, err error) {
	raw, err := readSmall(path+factsEnding, maxFacts)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return f, fmt.Errorf("no plan at %s: %w", path, errdefs.ErrNotFound)
		}
		return f, fmt.Errorf("plan %s has nothing beside it that says what it is: %w", path, errdefs.ErrDataLoss)
	case err != nil:
		return f, fmt.Errorf("read what a plan is: %w", err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, fmt.Errorf("%s is no JSON (%w): %w", path+factsEnding, err, errdefs.ErrDataLoss)
	}
	return f, nil
}

// stillThere is what is written down of the plan at path, if it is the one with the checksum plan.
func stillThere(path, plan string) (f Facts, err error) {
	if f, err = facts(path); err == nil && (plan == "" || f.Sum != plan) {
		err = fmt.Errorf("plan %s is another than the one that was looked at (its checksum is %q, not %q): %w", path, f.Sum, plan, errdefs.ErrFailedPrecondition)
	}
	return f, err
}

// sum is a file's size and CRC-32C, which costs a tenth of reading it.
func sum(path string) (n int64, s string, err error) {
	f, err := openRegular(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	return sumOf(f)
}

// sumOf is sum of a file that is open, from where it is to its end.
func sumOf(f io.Reader) (n int64, s string, err error) {
	h := crc32.New(castagnoli())
	n, err = io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// write puts the facts beside the plan, whole or not at all.
func (f Facts) write(path string) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return storeWhole(path+factsEnding, append(raw, '\n'))
}

// makeRoom makes a folder of plans and holds it. Whoever held it before may have taken it away again: then it is made once more.
// waits is called where another process holds it.
func makeRoom(ctx context.Context, dir string, waits func()) (release func(), err error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		err = os.MkdirAll(dir, 0o755)
		if err == nil {
			release, err = hold(ctx, dir, waits)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("make room for plans: %w", err)
	}
	return release, err
}

// hold locks a folder of plans against other processes until release is called, and waits for them. ErrNotExist: it is gone, or
// another is in its place.
func hold(ctx context.Context, dir string, waits func()) (release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if err = still(d, dir); err != nil {
				d.Close()
				return nil, err
			}
			return func() { d.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			d.Close()
			return nil, fmt.Errorf("lock the folder of plans: %w", err)
		}
		if err == unix.EWOULDBLOCK {
			waits()
		}
		select {
		case <-ctx.Done():
			d.Close()
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// still says whether a folder that was opened is the one that is there.
func still(d *os.File, dir string) error {
	opened, err := d.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(dir)
	if err == nil && !os.SameFile(opened, now) {
		err = fs.ErrNotExist
	}
	return err
}

// tidy sweeps a folder in which nobody builds just now. What cannot be removed is found again.
func tidy(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	if unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		_ = sweep(dir)
	}
}

// sweep removes what builds of processes that were killed have left. The folder's lock is held: nobody else builds in it.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partialPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// run has the builder build, and says how long it took.
func (p *Plans) run(ctx context.Context, f Facts, path string) (time.Duration, error) {
	b := *p.Builder
	if !p.rtx() {
		b.Timing = timingPath(filepath.Dir(path), f.Target)
	}
	began := time.Now()
	err := b.Build(ctx, f.Recipe, path, func(r Report) {
		if p.Tell != nil {
			p.Tell(f.Graph, r)
		}
	})
	return time.Since(began), err
}

// String is "NVIDIA GB10, sm_121".
func (t Target) String() string {
	s := fmt.Sprintf("sm_%d", t.Capability)
	if t.Name != "" {
		s = t.Name + ", " + s
	}
	return s
}
