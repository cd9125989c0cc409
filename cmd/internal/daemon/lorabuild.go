package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// digest hashes a file once while it stays what it is.
func (m *merger) digest(path string, st fs.FileInfo) (string, error) {
	m.mu.Lock()
	known, ok := m.digests[path]
	m.mu.Unlock()
	if ok && known.size == st.Size() && known.mtime.Equal(st.ModTime()) {
		return known.digest, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	d := digested{st.Size(), st.ModTime(), "sha256:" + hex.EncodeToString(h.Sum(nil))}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.digests[path] = d
	return d.digest, nil
}

// make has the bundle of a key built, unless it is there, and counts it as used.
func (m *merger) make(ctx context.Context, key, base string, loras []mergedLoRA) error {
	m.mu.Lock()
	turn := m.busy[key]
	if turn == nil {
		turn = &sync.Mutex{}
		m.busy[key] = turn
	}
	m.mu.Unlock()
	turn.Lock()
	defer turn.Unlock()
	dir := filepath.Join(m.models, derivedName, key)
	if _, err := weights.ReadManifest(dir); err == nil {
		now := time.Now()
		_ = os.Chtimes(dir, now, now) // or it counts as used when it was made
		return nil
	}
	checkpoint := weights.CheckpointOf(base)
	if checkpoint == "" {
		return fmt.Errorf("loras: LoRAs are merged into the checkpoint that %s was built from, and where that lies is not known: build the bundle again: %w", base, errdefs.ErrFailedPrecondition)
	}
	if err := m.build(ctx, checkpoint, base, dir, loras); err != nil {
		return err
	}
	return m.prune(dir)
}

// derived is one merged model of the cache.
type derived struct {
	dir  string
	own  int64 // bytes that it does not share with its base
	used time.Time
}

// cached lists the merged models, the least recently used first.
func (m *merger) cached() (all []derived, total int64, err error) {
	entries, err := os.ReadDir(filepath.Join(m.models, derivedName))
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		dir := filepath.Join(m.models, derivedName, e.Name())
		man, err := weights.ReadManifest(dir)
		st, statErr := os.Stat(dir)
		if err != nil || statErr != nil {
			continue
		}
		total += man.Own()
		all = append(all, derived{dir, man.Own(), st.ModTime()})
	}
	slices.SortFunc(all, func(a, b derived) int { return a.used.Compare(b.used) })
	return all, total, nil
}

// remove takes one away. Half a bundle is no bundle: the manifest goes first.
func (d derived) remove() error {
	return errors.Join(os.Remove(filepath.Join(d.dir, weights.ManifestName)), os.RemoveAll(d.dir))
}

// prune removes the least recently used derived bundles while they take more than the budget, but not the newest one.
func (m *merger) prune(keep string) error {
	all, total, err := m.cached()
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range all {
		if m.budget <= 0 || total <= m.budget {
			break
		}
		if e.dir != keep {
			total -= e.own
			errs = append(errs, e.remove())
		}
	}
	return errors.Join(errs...)
}

// inUse is for how long after its last use what a cache has is not taken away to make room on a disk.
const inUse = 10 * time.Minute

// shed implements hoard.
func (m *merger) shed() (what string, freed int64, err error) {
	all, _, err := m.cached()
	if errors.Is(err, os.ErrNotExist) || len(all) == 0 || time.Since(all[0].used) < inUse {
		return "", 0, nil
	}
	return "merged model " + filepath.Base(all[0].dir), max(1, all[0].own), errors.Join(err, all[0].remove())
}

// buildDerived runs `models build` of this very program: what knows models is no part of the server. data is where it
// remembers that the bundle is verified.
func buildDerived(data string) func(ctx context.Context, checkpoint, base, out string, loras []mergedLoRA) error {
	return func(ctx context.Context, checkpoint, base, out string, loras []mergedLoRA) error {
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		args := []string{"models", "build", checkpoint, "--base", base, "--output", out, "--models", filepath.Dir(filepath.Dir(out)), "--json"}
		for _, l := range loras {
			text := l.path + ":" + strconv.FormatFloat(l.strength, 'g', -1, 64)
			if l.component != "" {
				text = l.component + "=" + text
			}
			args = append(args, "--lora", text)
		}
		cmd := exec.CommandContext(ctx, exe, args...)
		cmd.Env = append(os.Environ(), "VIDEOSDGX_CACHE="+data)
		var said bytes.Buffer
		cmd.Stderr = &said
		err = cmd.Run()
		if err == nil {
			return nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		why := strings.TrimPrefix(lines[len(lines)-1], "videosdgx: ")
		return fmt.Errorf("loras: %s: %w", strings.TrimSuffix(why, "."), errdefs.ErrInvalidArgument)
	}
}

// openLoRAs is what dispatch sees of functions, and what asks it.
func (p *plane) openLoRAs() (loraFunctions, *merger) {
	fns := loraFunctions{p.registry, filepath.Join(p.cfg.Models, derivedName)}
	return fns, &merger{models: p.cfg.Models, budget: int64(p.cfg.LoRACache), build: buildDerived(p.cfg.Data), busy: map[string]*sync.Mutex{}, digests: map[string]digested{}}
}
