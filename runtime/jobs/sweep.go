package jobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containerd/errdefs"
)

// sweep does what time alone brings: leases and deadlines that ran out, the node's heartbeat, retention.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(min(time.Second, s.cfg.Lease/4))
	defer tick.Stop()
	var tidied, seen time.Time
	for {
		now := s.clock()
		if seen.IsZero() || now.Before(seen) {
			s.try("jobs from the future", s.hasten(ctx, now))
		}
		seen = now
		s.try("overdue jobs", s.overdue(ctx))
		s.try("the node's heartbeat", s.beat(ctx))
		if now.Sub(tidied).Abs() > time.Minute { // also of a clock that was set back
			tidied = now
			s.try("retention", errors.Join(s.retain(ctx), s.tidyOutputs(ctx), s.tidyInputs(ctx), s.expireUploads()))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) try(what string, err error) {
	if err != nil && s.ctx.Err() == nil {
		s.log.Error("a regular task of the queue failed, it will be tried again", "task", what, "error", err)
	}
}

// soon is as long as a job waits at most for its next attempt.
const soon = time.Hour

// hasten has jobs run that were queued before the clock was set back, and would wait until it is that late again.
func (s *Service) hasten(ctx context.Context, now time.Time) error {
	all, err := s.deps.Store.Waiting(ctx, 100_000)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !e.Ready.After(now) {
			continue
		}
		_, merr := s.mutate(ctx, e.ID, func(j *Job) bool {
			late := j.State == Queued && j.Ready.After(now) && (j.Created.After(now) || j.Ready.After(now.Add(soon+s.cfg.Retry.Max)))
			if late {
				j.Ready = now
			}
			return late
		})
		err = errors.Join(err, ignore(merr, errdefs.IsNotFound))
	}
	s.nudge()
	return err
}

func (s *Service) overdue(ctx context.Context) error {
	late, err := s.deps.Store.Overdue(ctx, s.clock(), 1000)
	if err != nil {
		return err
	}
	moved := false
	for _, j := range late {
		if s.keeps(j) {
			continue
		}
		moved = true
		if j.State == Running {
			err = errors.Join(err, s.takeBack(ctx, j))
			continue
		}
		next, serr := s.deps.Store.Swap(ctx, j, settle(j, outcome{cause: errDeadline}, s.cfg, s.clock()))
		if serr == nil {
			s.settled(ctx, next)
		}
		err = errors.Join(err, ignore(serr, errdefs.IsFailedPrecondition, errdefs.IsNotFound))
	}
	if moved {
		s.nudge()
	}
	return err
}

// keeps says whether an attempt of this very process has a job: then its lease is only late, as where the clock was set forward.
func (s *Service) keeps(j Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.running[j.ID]
	return a != nil && a.owns(j)
}

// settled tells everybody who needs to know that an attempt or a job has ended.
func (s *Service) settled(ctx context.Context, j Job) {
	if j.State.Ended() {
		s.ledger.keeps(j.Client, kept(j))
		s.deps.Trace.Ended(j)
		s.try("removing a stream", s.shows.end(j.ID))
	}
	s.announce(ctx, j)
	s.shelf.add(j)
	if j.State == Completed {
		s.mu.Lock()
		if s.measured[j.Model] == nil {
			s.measured[j.Model] = &measured{}
		}
		s.measured[j.Model].add(j)
		s.mu.Unlock()
	}
}

func (s *Service) beat(ctx context.Context) error {
	models, err := s.deps.Models.Models(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	n := Node{Name: s.cfg.Node, Free: max(0, s.cfg.Policy.Slots-len(s.running)), Seen: s.clock()}
	if s.full || s.draining {
		n.Free = 0
	}
	s.turns.forget(n.Seen.Add(-time.Hour))
	s.mu.Unlock()
	for _, m := range models {
		if m.Instances > 0 {
			n.Warm = append(n.Warm, m.Name)
		}
	}
	return s.deps.Store.Beat(ctx, n)
}

// elsewhere gives the models that other living nodes hold warm, with room, and this one does not.
func (s *Service) elsewhere(ctx context.Context, here map[string]bool) (map[string]bool, error) {
	nodes, err := s.deps.Store.Nodes(ctx, s.clock().Add(-s.cfg.Lease))
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, n := range nodes {
		for _, m := range n.Warm {
			if n.Name != s.cfg.Node && n.Free > 0 && !here[m] {
				out[m] = true
			}
		}
	}
	return out, nil
}

// retain removes ended jobs that are too old, and then the oldest results until the rest fits.
func (s *Service) retain(ctx context.Context) error {
	ended := []State{Completed, Failed, Cancelled, Dead}
	old, err := s.deps.Store.List(ctx, Filter{States: ended, EndedBefore: s.clock().Add(-s.cfg.KeepFor), OldestFirst: true, Limit: 1000})
	for _, j := range old {
		if j.Hook == nil || j.Hook.Due.IsZero() { // else it is still to be told
			err = errors.Join(err, s.purge(ctx, j))
		}
	}
	if err != nil || s.cfg.KeepBytes <= 0 {
		return err
	}
	return s.shrink(ctx)
}

func (s *Service) purge(ctx context.Context, j Job) error {
	if err := s.out.remove(j.Result); err != nil {
		return err
	}
	s.dropInputs(j)
	s.ledger.keeps(j.Client, -kept(j))
	err := s.deps.Store.Delete(ctx, j)
	return errors.Join(ignore(err, errdefs.IsFailedPrecondition, errdefs.IsNotFound), s.feed.Drop(ctx, j.ID))
}

// shrink takes the files of the oldest completed jobs until the rest fits; their records stay and say so.
func (s *Service) shrink(ctx context.Context) error {
	total, err := s.outputBytes()
	for before := ""; err == nil && total > s.cfg.KeepBytes; {
		page, lerr := s.deps.Store.List(ctx, Filter{States: []State{Completed}, OldestFirst: true, Before: before, Limit: 500})
		if lerr != nil || len(page) == 0 {
			return lerr
		}
		var freed int64
		freed, err = s.shrinkSome(ctx, page, total-s.cfg.KeepBytes)
		total, before = total-freed, page[len(page)-1].ID
	}
	return err
}

func (s *Service) outputBytes() (int64, error) {
	entries, err := os.ReadDir(s.out.dir)
	var total int64
	for _, e := range entries {
		if info, ierr := e.Info(); ierr == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	return total, err
}

// shrinkSome takes files of the given jobs until need bytes are freed.
func (s *Service) shrinkSome(ctx context.Context, page []Job, need int64) (freed int64, err error) {
	for _, j := range page {
		if freed >= need || err != nil {
			break
		}
		if j.Result == nil || j.Result.Removed {
			continue
		}
		if err = s.out.remove(j.Result); err == nil {
			_, err = s.mutate(ctx, j.ID, markRemoved)
			err = ignore(err, errdefs.IsNotFound)
			freed += j.Result.bytes()
			s.ledger.keeps(j.Client, -j.Result.bytes())
		}
	}
	return freed, err
}

func markRemoved(j *Job) bool {
	if j.Result == nil || j.Result.Removed {
		return false
	}
	r := *j.Result
	r.Removed = true
	j.Result = &r
	return true
}

// tidyOutputs removes what a crash left behind: files that no record names and no living attempt is about to name.
func (s *Service) tidyOutputs(ctx context.Context) error {
	return errors.Join(s.tidyShows(ctx), s.tidy(ctx, s.out.dir), s.tidy(ctx, filepath.Join(s.out.dir, partialDir)))
}

func (s *Service) tidy(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		id, token, ok := parseName(e.Name())
		if !ok || err != nil {
			continue
		}
		j, gerr := s.deps.Store.Get(ctx, id)
		if gerr != nil && !errdefs.IsNotFound(gerr) {
			return gerr
		}
		named := gerr == nil && j.Result != nil && slices.Contains(j.Result.files(), e.Name()) && dir == s.out.dir
		coming := gerr == nil && j.State == Running && j.Token == token
		shown := gerr == nil && !j.State.Ended() && token <= j.Token && mayShow(e.Name())
		if !named && !coming && !shown {
			err = errors.Join(err, removeIfThere(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// removeIfThere also succeeds when another node was faster.
func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
