package catalog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Update changes a snapshot's record durably.
func (c *Catalog) Update(id string, change func(*Record)) (Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.Get(id)
	if err != nil {
		return r, err
	}
	change(&r)
	return r, writeRecord(filepath.Dir(r.Dir), r)
}

// Used notes a restore. It is kept with the record, so that the least recently used go first.
func (c *Catalog) Used(id string) error {
	_, err := c.Update(id, func(r *Record) { r.Restores++; r.Used = c.opts.Now() })
	return err
}

// Remove deletes a snapshot. A restore that is reading it fails, and what asked for it starts plainly.
func (c *Catalog) Remove(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.Get(id)
	if err != nil && !errors.Is(err, errdefs.ErrDataLoss) {
		return err
	}
	return c.removeLocked(r.ID)
}

func (c *Catalog) removeLocked(id string) error {
	// out of sight first: a crash in between leaves a tmp- folder, which Open removes
	gone := filepath.Join(c.opts.Dir, "tmp-gone-"+id)
	if err := os.Rename(filepath.Join(c.opts.Dir, id), gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// Quarantine moves a snapshot aside with its reason; it serves no more, and can be inspected. Only the newest
// quarantined one of an id is kept.
func (c *Catalog) Quarantine(id, reason string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := filepath.Join(c.opts.Dir, quarantineDir, id)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(c.opts.Dir, id), to); err != nil {
		return notFound(err)
	}
	return atomicfile.Write(filepath.Join(to, "reason"), []byte(reason+"\n"), 0o600)
}

// Quarantined gives what was moved aside, with the reasons; only ID, State and Reason are certain to be set.
func (c *Catalog) Quarantined() ([]Record, error) {
	ds, err := os.ReadDir(filepath.Join(c.opts.Dir, quarantineDir))
	if err != nil {
		return nil, err
	}
	var out []Record
	for _, d := range ds {
		dir := filepath.Join(c.opts.Dir, quarantineDir, d.Name())
		r, _ := readRecord(dir) // whatever of it can be read
		reason, _ := os.ReadFile(filepath.Join(dir, "reason"))
		r.ID, r.State, r.Reason = d.Name(), Quarantined, string(reason)
		out = append(out, r)
	}
	return out, nil
}

// GetQuarantined finds one that was moved aside, by its id or an unambiguous beginning of it.
func (c *Catalog) GetQuarantined(id string) (Record, error) {
	all, err := c.Quarantined()
	if err != nil {
		return Record{}, err
	}
	all = slices.DeleteFunc(all, func(r Record) bool { return !strings.HasPrefix(r.ID, id) })
	switch len(all) {
	case 0:
		return Record{}, fmt.Errorf("no snapshot %s: %w", id, errdefs.ErrNotFound)
	case 1:
		return all[0], nil
	}
	return Record{}, fmt.Errorf("%d snapshots begin with %s, write more of the id: %w", len(all), id, errdefs.ErrInvalidArgument)
}

// RemoveQuarantined deletes one that was moved aside.
func (c *Catalog) RemoveQuarantined(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.GetQuarantined(id)
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(c.opts.Dir, quarantineDir, r.ID))
}

// evict removes snapshots until the rest fits the budget: those moved aside first, then the least recently used, never keep.
func (c *Catalog) evict(keep string) error {
	if c.opts.Budget <= 0 {
		return nil
	}
	all, _, err := c.read()
	bad, qerr := c.Quarantined()
	if err = errors.Join(err, qerr); err != nil {
		return err
	}
	var total int64
	for _, r := range slices.Concat(all, bad) {
		total += r.Bytes
	}
	for _, r := range bad {
		if total <= c.opts.Budget {
			return nil
		}
		if err := os.RemoveAll(filepath.Join(c.opts.Dir, quarantineDir, r.ID)); err != nil {
			return err
		}
		total -= r.Bytes
	}
	slices.SortFunc(all, func(a, b Record) int { return LastUse(a).Compare(LastUse(b)) })
	for _, r := range all {
		if total <= c.opts.Budget || r.ID == keep {
			continue
		}
		if err := c.removeLocked(r.ID); err != nil {
			return err
		}
		total -= r.Bytes
	}
	return nil
}

// DropQuarantined deletes what was moved aside, and says how many snapshots and bytes that were.
func (c *Catalog) DropQuarantined() (n int, bytes int64, err error) {
	all, err := c.Quarantined()
	if err != nil {
		return 0, 0, err
	}
	for _, r := range all {
		if err := os.RemoveAll(filepath.Join(c.opts.Dir, quarantineDir, r.ID)); err != nil {
			return n, bytes, err
		}
		n, bytes = n+1, bytes+r.Bytes
	}
	return n, bytes, nil
}
