package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"
)

// Submit queues jobs, all or none, and returns their durable records. replayed is true when an idempotency key was seen
// before with the same request: the jobs are then the earlier ones.
func (s *Service) Submit(ctx context.Context, subs []Submit) (all []Job, replayed bool, err error) {
	if len(subs) == 0 {
		return nil, false, fmt.Errorf("there is nothing to submit: %w", errdefs.ErrInvalidArgument)
	}
	fresh := make([]Fresh, len(subs))
	batch := ""
	if len(subs) > 1 || subs[0].Batched {
		batch = newID()
	}
	for i, sub := range subs {
		if fresh[i], err = s.newJob(ctx, sub, batch); err != nil {
			return nil, false, err
		}
	}
	if subs[0].Replay {
		return s.earlier(ctx, fresh, errKeyGone)
	}
	if err := s.admit(ctx, len(subs)); err != nil {
		return s.earlier(ctx, fresh, err)
	}
	unlock, err := s.within(ctx, fresh)
	if err != nil {
		return s.earlier(ctx, fresh, err)
	}
	defer unlock()
	if err := s.insert(ctx, fresh); err != nil {
		return s.replay(ctx, fresh, err)
	}
	for _, n := range fresh {
		n.Job.Rev = 1
		all = append(all, n.Job)
		s.announce(ctx, n.Job)
	}
	s.nudge()
	return all, false, nil
}

// insert stores jobs with their files: the files first, so that a record never names what is not there.
func (s *Service) insert(ctx context.Context, fresh []Fresh) (err error) {
	for i := 0; i < len(fresh) && err == nil; i++ {
		err = s.takeInputs(fresh[i].Job)
	}
	if err == nil {
		err = s.deps.Store.Insert(ctx, fresh)
	}
	if err != nil {
		for _, n := range fresh {
			s.dropInputs(n.Job)
		}
	}
	return err
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (s *Service) newJob(ctx context.Context, sub Submit, batch string) (Fresh, error) {
	m, err := s.deps.Models.Model(ctx, sub.Model)
	if err != nil {
		return Fresh{}, err
	}
	hash := ""
	if sub.Key != "" {
		hash = keyHash(sub)
	}
	if err := fits(len(sub.Request), m); err != nil {
		return Fresh{}, err
	}
	kept := sub.Kept
	if kept == nil {
		kept = sub.Request
	}
	now := s.clock()
	deadline := s.cfg.Deadline
	if sub.Deadline > 0 {
		deadline = time.Duration(sub.Deadline) * time.Second
	}
	j := Job{
		ID: newID(), Model: m.Name, Function: m.Function, Qualifier: sub.Qualifier, Client: sub.Client, Priority: sub.Priority, State: Queued,
		Request: kept, Left: sub.Left, Inputs: sub.Inputs, Batch: batch, Key: sub.Key, Created: now, Ready: now, Deadline: now.Add(deadline),
		MaxAttempts: orDefault(sub.MaxAttempts, s.cfg.MaxAttempts), Stream: sub.Stream, Work: sub.Work,
	}
	j.Trace = s.deps.Trace.Submitted(ctx)
	j.KeyHash, j.Asked, j.AskedLoose, j.Around, j.AroundLoose = hash, sub.Asked, sub.AskedLoose, sub.Around, sub.AroundLoose
	if sub.Webhook != "" {
		j.Hook = &Hook{URL: sub.Webhook}
	}
	return Fresh{Job: j, Payload: sub.Request}, s.checkHook(j)
}

func (s *Service) checkHook(j Job) error {
	if j.Hook != nil && s.deps.Tell == nil {
		return fmt.Errorf("this server calls no webhooks: leave the webhook out and follow the job: %w", errdefs.ErrInvalidArgument)
	}
	return nil
}

// eventOverhead is more than an event adds to its body, in bytes.
const eventOverhead = 4 << 10

func fits(n int, m Model) error {
	if most := m.MaxPayload - eventOverhead; m.MaxPayload > 0 && int64(n) > most {
		return fmt.Errorf("the request has %d bytes and model %s takes %d: send a smaller image, or raise limits.payload of function %s: %w", n, m.Name, most, m.Function, errdefs.ErrOutOfRange)
	}
	return nil
}

func keyHash(sub Submit) string {
	given := sub.Given
	if given == nil {
		given = sub.Request
	}
	parts := []any{sub.Model, sub.Priority, sub.Deadline, sub.MaxAttempts, sub.Webhook, sub.Stream, given}
	if sub.Qualifier != "" {
		parts = append(parts, sub.Qualifier)
	}
	b, _ := json.Marshal(parts) // plain data: cannot fail
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// admit refuses what the disk or the queue has no room for.
func (s *Service) admit(ctx context.Context, n int) error {
	full, err := s.out.full(s.cfg.MinFree)
	if err != nil {
		return err
	}
	if full {
		return ErrDiskFull
	}
	waiting, err := s.deps.Store.Queued(ctx)
	if err != nil {
		return err
	}
	if waiting+n > s.cfg.MaxQueued {
		return fmt.Errorf("%d jobs wait already and %s at most may: try again later: %w", waiting, strconv.Itoa(s.cfg.MaxQueued), errdefs.ErrResourceExhausted)
	}
	return nil
}

// Replays says whether a client's idempotency key belongs to a job: such a request needs no room of its own.
func (s *Service) Replays(ctx context.Context, client, key string) (bool, error) {
	id, err := s.deps.Store.Taken(ctx, client, key)
	return id != "", err
}

// earlier answers a submission that has no room with the jobs that it made when it was sent before; else with err.
func (s *Service) earlier(ctx context.Context, fresh []Fresh, err error) ([]Job, bool, error) {
	for _, n := range fresh {
		if n.Job.Key == "" {
			continue
		}
		id, terr := s.deps.Store.Taken(ctx, n.Job.Client, n.Job.Key)
		if terr != nil {
			return nil, false, errors.Join(err, terr)
		}
		if id != "" {
			return s.replay(ctx, fresh, &KeyTakenError{Key: n.Job.Key, ID: id})
		}
	}
	return nil, false, err
}

// errKeyGone is for a request whose job was there a moment ago.
var errKeyGone = fmt.Errorf("the job of this idempotency key has just been removed: send the request again: %w", errdefs.ErrConflict)

// replay answers a submission whose idempotency key is taken with the jobs that took it.
func (s *Service) replay(ctx context.Context, fresh []Fresh, err error) ([]Job, bool, error) {
	var taken *KeyTakenError
	if !errors.As(err, &taken) {
		return nil, false, err
	}
	first, gerr := s.deps.Store.Get(ctx, taken.ID)
	if gerr != nil {
		return nil, false, gerr
	}
	earlier := []Job{first}
	if first.Batch != "" {
		if earlier, gerr = s.deps.Store.List(ctx, Filter{Batch: first.Batch, Client: first.Client, OldestFirst: true, Limit: MaxBatch}); gerr != nil {
			return nil, false, gerr
		}
	}
	if !sameRequests(fresh, earlier) {
		return nil, false, fmt.Errorf("%w (%w)", taken, ErrKeyReused)
	}
	return earlier, true, nil
}

// ErrKeyReused says that an idempotency key came with another request than before.
var ErrKeyReused = fmt.Errorf("the request differs from the one that the key first came with: %w", errdefs.ErrConflict)

// MaxBatch is how many jobs one submission may hold.
const MaxBatch = 1000

func sameRequests(fresh []Fresh, earlier []Job) bool {
	if len(fresh) != len(earlier) {
		return false
	}
	for i := range fresh {
		if fresh[i].Job.KeyHash != earlier[i].KeyHash {
			return false
		}
	}
	return true
}
