package jobs

import (
	"context"
	"fmt"
	"time"
)

// Store keeps job records durably: when a method returns nil, its effect survives a crash of the process. Safe for
// concurrent use by several processes where the driver says so. Errors carry an errdefs class; a missing job is NotFound,
// a revision that has moved on is FailedPrecondition, a full disk is ResourceExhausted. jobstest holds every driver to this.
type Store interface {
	// Insert adds new jobs with their payloads, all or none. Rev becomes 1. When a (Client, Key) pair is taken it adds
	// nothing and returns *KeyTakenError.
	Insert(ctx context.Context, jobs []Fresh) error
	// Taken gives the job that a client's idempotency key belongs to; "" where it is free.
	Taken(ctx context.Context, client, key string) (id string, err error)
	// Get reads one record.
	Get(ctx context.Context, id string) (Job, error)
	// Payload reads the event body that came with Insert.
	Payload(ctx context.Context, id string) ([]byte, error)
	// Swap replaces old by new, when the stored record still has old.Rev, and returns it with its new Rev. old must be
	// the record as it was read; ID, Model, Client, Created, Key and Batch must not change. A job that enters
	// an ended state is added to its model's Tally in the same step.
	Swap(ctx context.Context, old, new Job) (Job, error)
	// Delete removes a record, its payload and its idempotency key, when it still has old.Rev.
	Delete(ctx context.Context, old Job) error
	// List gives one page, newest first.
	List(ctx context.Context, f Filter) ([]Job, error)
	// Tally gives what has been counted of a model since the store was made; "" sums all models.
	Tally(ctx context.Context, model string) (Tally, error)
}

// Queue is the part of a store that scheduling reads. Results may be a moment old: Swap decides.
type Queue interface {
	// Heads gives the oldest ready job of every (model, priority, client) that has any.
	Heads(ctx context.Context, now time.Time) ([]Head, error)
	// Queued counts the queued jobs; it is asked for every submission and must be quick.
	Queued(ctx context.Context) (int, error)
	// Load counts a model's queued and running jobs; "" is all models.
	Load(ctx context.Context, model string) (queued, running int, err error)
	// Waiting gives queued jobs, oldest first within a group, at most limit.
	Waiting(ctx context.Context, limit int) ([]Entry, error)
	// Overdue gives queued jobs past their deadline and running jobs past their lease, at most limit.
	Overdue(ctx context.Context, now time.Time, limit int) ([]Job, error)
	// HooksDue gives ended jobs with a webhook due, at most limit.
	HooksDue(ctx context.Context, now time.Time, limit int) ([]Job, error)
	// Beat says that a node lives and what it holds warm; Nodes lists those that have beaten since the given time.
	Beat(ctx context.Context, n Node) error
	Nodes(ctx context.Context, since time.Time) ([]Node, error)
}

// Backend is what a driver offers in all.
type Backend interface {
	Store
	Queue
	Close() error
}

// Feed carries events from the node that runs a job to whoever watches it. A store shared by nodes implements it; without,
// events stay in the process.
type Feed interface {
	// Publish appends an event; the feed gives it its ID.
	Publish(ctx context.Context, id string, e Event) error
	// Follow calls fn for every event after the given ID ("": only new ones), in order, until ctx ends, fn fails or the
	// feed cannot go on. It calls ready once what it had kept has been told; nothing published from the call on is missed.
	Follow(ctx context.Context, id, after string, ready func(), fn func(Event) error) error
	// Drop forgets a job's events.
	Drop(ctx context.Context, id string) error
}

// Notifier tells nodes of each other's changes, so that a cancel reaches the running node at once.
type Notifier interface {
	// Changes calls fn with the id of every job that any node changed, until ctx ends. Losing some is allowed.
	Changes(ctx context.Context, fn func(id string)) error
}

// Fresh is a job to insert.
type Fresh struct {
	Job     Job
	Payload []byte
}

// Group is what jobs share that the policy treats alike.
type Group struct {
	Model    string
	Priority Priority
	Client   string
}

func groupOf(j Job) Group { return Group{Model: j.Model, Priority: j.Priority, Client: j.Client} }

// Head is the oldest ready job of a group.
type Head struct {
	Group
	ID      string
	Created time.Time
}

// Entry is a queued job as planning needs it.
type Entry struct {
	Group
	ID    string
	Ready time.Time
}

// Filter selects jobs; zero fields match all.
type Filter struct {
	Model, Client, Batch string
	Prompt               string // is in the prompt, whatever the case; Service.List knows it, stores do not
	States               []State
	Before               string    // the last ID of the page before: only those that come after it in the order
	EndedBefore          time.Time // only jobs that ended earlier
	OldestFirst          bool
	Limit                int // 0: 50
}

// idSlack is how far a clock may have been set back while a job lived.
const idSlack = time.Hour

// Newest is an id above those of all jobs that EndedBefore selects, since they were submitted before they ended: with it
// a store need not look at the others. "" is no bound.
func (f Filter) Newest() string {
	if f.EndedBefore.IsZero() {
		return ""
	}
	ms := fmt.Sprintf("%012x", f.EndedBefore.Add(idSlack).UnixMilli())
	return ms[:8] + "-" + ms[8:] // as UUIDv7 begins
}

// Node is one control plane that serves the queue.
type Node struct {
	Name string    `json:"name"`
	Warm []string  `json:"warm"` // models with an instance up
	Free int       `json:"free"` // jobs it could start now
	Seen time.Time `json:"seen"`
}

// KeyTakenError says that an idempotency key was used before, by job ID.
type KeyTakenError struct {
	Key, ID string
}

func (e *KeyTakenError) Error() string {
	return fmt.Sprintf("idempotency key %q was used before, by job %s: use a new key for a new request", e.Key, e.ID)
}
