package jobs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// turns remembers when whom was served last on this node.
type turns struct {
	groups  map[Group]time.Time
	models  map[string]time.Time
	clients map[string]time.Time
}

func newTurns() turns {
	return turns{map[Group]time.Time{}, map[string]time.Time{}, map[string]time.Time{}}
}

func (t turns) took(g Group, at time.Time) {
	t.groups[g], t.models[g.Model], t.clients[g.Client] = at, at, at
}

// forget drops what is too old to matter, so that many clients do not fill memory.
func (t turns) forget(before time.Time) {
	old := func(at time.Time) bool { return at.Before(before) }
	maps.DeleteFunc(t.groups, func(_ Group, at time.Time) bool { return old(at) })
	maps.DeleteFunc(t.models, func(_ string, at time.Time) bool { return old(at) })
	maps.DeleteFunc(t.clients, func(_ string, at time.Time) bool { return old(at) })
}

// schedule starts jobs whenever something has changed, and once a second for what time alone changes.
func (s *Service) schedule(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		began := time.Now()
		if err := s.startAll(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the queue could not be read, trying again", "error", err)
			pause(ctx, 500*time.Millisecond)
		}
		pause(ctx, min(20*time.Millisecond, 4*time.Since(began))) // a flood of submissions must not make this a busy loop
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
	}
}

func (s *Service) startAll(ctx context.Context) error {
	if full, err := s.checkDisk(); full || err != nil {
		return err
	}
	for ctx.Err() == nil {
		started, err := s.startOne(ctx)
		if err != nil || !started {
			return err
		}
	}
	return nil
}

// checkDisk holds the queue while the disk is full; jobs keep waiting.
func (s *Service) checkDisk() (bool, error) {
	full, err := s.out.full(s.cfg.MinFree)
	s.mu.Lock()
	changed := full != s.full
	s.full = full
	s.mu.Unlock()
	if changed {
		s.log.Warn("the state of the outputs disk has changed", "full", full, "directory", s.cfg.Outputs)
	}
	return full, err
}

// startOne claims the job that the policy chooses; false when there is none to start now.
func (s *Service) startOne(ctx context.Context) (bool, error) {
	facts, err := s.facts(ctx)
	if err != nil || !s.cfg.Policy.room(facts) {
		return false, err
	}
	heads, err := s.deps.Store.Heads(ctx, s.clock())
	if err != nil || len(heads) == 0 {
		return false, err
	}
	h, ok := s.cfg.Policy.Choose(s.notHere(heads), facts)
	if !ok {
		return false, nil
	}
	return s.claim(ctx, h)
}

// notHere leaves out jobs of which an attempt still runs on this node: one that lost its lease and is not over yet.
func (s *Service) notHere(heads []Head) []Head {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(heads, func(h Head) bool { return s.running[h.ID] != nil })
}

// claim takes a job for this node. Losing it to another is true: there may be more to start.
func (s *Service) claim(ctx context.Context, h Head) (bool, error) {
	old, err := s.deps.Store.Get(ctx, h.ID)
	if err != nil || old.State != Queued {
		return errdefs.IsNotFound(err), ignore(err, errdefs.IsNotFound)
	}
	next := s.claimed(old)
	if m, merr := s.deps.Models.Model(ctx, old.Model); merr == nil {
		next.GPUs = m.GPUs
	}
	got, err := s.deps.Store.Swap(ctx, old, next)
	if err == nil {
		s.begin(got, groupOf(got))
	}
	return true, ignore(err, errdefs.IsFailedPrecondition, errdefs.IsNotFound)
}

func (s *Service) claimed(j Job) Job {
	now := s.clock()
	j.State, j.Started, j.Reason, j.Progress = Running, now, "", spec.Progress{}
	j.Attempts++
	j.Token++
	j.Lease = &Lease{Node: s.self, Token: j.Token, Until: now.Add(s.cfg.Lease)}
	return j
}

func ignore(err error, classes ...func(error) bool) error {
	for _, is := range classes {
		if is(err) {
			return nil
		}
	}
	return err
}

func (s *Service) facts(ctx context.Context) (Facts, error) {
	models, err := s.deps.Models.Models(ctx)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{Now: s.clock(), Concurrency: map[string]int{}, Warm: map[string]bool{}, Yield: s.cfg.Yield}
	served := make(map[string]bool, len(models))
	for _, m := range models {
		served[m.Name] = true
		f.Concurrency[m.Name], f.Warm[m.Name] = m.Concurrency, m.Instances > 0
	}
	if f.Elsewhere, err = s.elsewhere(ctx, f.Warm); err != nil {
		return Facts{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served = served
	for _, a := range s.running {
		f.Running = append(f.Running, a.group)
	}
	f.GroupTurn, f.ModelTurn, f.ClientTurn = maps.Clone(s.turns.groups), maps.Clone(s.turns.models), maps.Clone(s.turns.clients)
	return f, nil
}
