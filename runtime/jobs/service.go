package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/spool"
)

// Service runs the queue on one node. All methods are safe for concurrent use.
type Service struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	self    string // node and incarnation: what leases of this process say
	out     *outputs
	uploads *uploads
	ledger  *ledger
	feed    Feed
	shelf   *shelf
	shows   *shows
	vectors *vectors
	spool   *spool.Spool
	clock   func() time.Time

	ctx   context.Context // ends all loops; the cause tells attempts why
	stop  context.CancelCauseFunc
	loops sync.WaitGroup
	runs  sync.WaitGroup
	wake  chan struct{}

	wordless sync.Map // identities of models that give no vectors of prompts

	mu       sync.Mutex
	running  map[string]*attempt
	turns    turns
	measured map[string]*measured // by model
	works    map[string]float64   // of waiting jobs, by id
	places   planCache
	draining bool
	full     bool            // the disk was full when last looked at
	served   map[string]bool // models that there were when last looked at; nil: not looked yet
}

// modelsKeep is how long scheduling trusts what it knows of the models.
const modelsKeep = 200 * time.Millisecond

// New makes a service; nothing runs before Start.
func New(cfg Config, deps Deps) (*Service, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Runner == nil || deps.Models == nil || deps.Log == nil {
		return nil, fmt.Errorf("jobs: store, runner, models and log must all be given: %w", errdefs.ErrInvalidArgument)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Trace == nil {
		deps.Trace = untraced{}
	}
	deps.Models = Cached(deps.Models, modelsKeep)
	out, err := openOutputs(cfg.Outputs, deps.Step, deps.Free)
	if err != nil {
		return nil, err
	}
	ups, err := openUploads(out)
	if err != nil {
		return nil, err
	}
	words, err := openVectors(filepath.Join(cfg.Outputs, vectorDir), maxVectorBytes)
	if err != nil {
		return nil, err
	}
	if deps.Spool == nil {
		deps.Spool = spool.New(spool.Options{Dir: cfg.Outputs})
	}
	s := &Service{
		spool: deps.Spool, cfg: cfg, deps: deps, log: deps.Log, out: out, uploads: ups, vectors: words, wake: make(chan struct{}, 1), running: map[string]*attempt{},
		self: cfg.Node + "/" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12], turns: newTurns(), measured: map[string]*measured{}, ledger: newLedger(), shelf: newShelf(), shows: newShows(out),
		clock: func() time.Time { return stamp(deps.Now()) },
	}
	if feed, ok := deps.Store.(Feed); ok {
		s.feed = feed
	} else {
		s.feed = NewHub(deps.Now)
	}
	return s, nil
}

// Start takes back what an earlier process of this node left running and begins to serve the queue.
func (s *Service) Start(ctx context.Context) error {
	if s.ctx != nil {
		return fmt.Errorf("jobs: the service was started before: %w", errdefs.ErrFailedPrecondition)
	}
	if err := s.recover(ctx); err != nil {
		return fmt.Errorf("taking back the jobs of the last run: %w", err)
	}
	if err := s.recount(ctx); err != nil {
		return fmt.Errorf("counting what clients have used: %w", err)
	}
	if err := s.beat(ctx); err != nil { // before it serves: others leave it the models that it holds warm from its first job on
		return fmt.Errorf("telling the other nodes of this one: %w", err)
	}
	s.ctx, s.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	s.loop(s.schedule)
	s.loop(s.sweep)
	s.loop(s.hooks)
	s.loop(s.fillShelf)
	if n, ok := s.deps.Store.(Notifier); ok {
		s.loop(func(ctx context.Context) { s.listen(ctx, n) })
	}
	return nil
}

func (s *Service) loop(fn func(context.Context)) {
	s.loops.Add(1)
	go func() { defer s.loops.Done(); fn(s.ctx) }()
}

// Stop cancels what runs, puts it back into the queue for the next start or another node, and waits until all of it is
// recorded or ctx ends. It may be called twice. The store stays open.
func (s *Service) Stop(ctx context.Context) error {
	if s.ctx == nil {
		return nil
	}
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.stop(errStopping)
	done := make(chan struct{})
	go func() { s.loops.Wait(); s.runs.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("jobs: attempts still run: %w", ctx.Err())
	}
}

// recover requeues jobs whose lease names this node but another process.
func (s *Service) recover(ctx context.Context) error {
	all, err := s.deps.Store.List(ctx, Filter{States: []State{Running}, Limit: 100_000})
	if err != nil {
		return err
	}
	for _, j := range all {
		if j.Lease == nil || strings.HasPrefix(j.Lease.Node, s.cfg.Node+"/") {
			if err := s.takeBack(ctx, j); err != nil {
				return err
			}
		}
	}
	s.seedMeasured(ctx)
	return s.tidyOutputs(ctx)
}

// takeBack ends a lease that nobody serves. Losing the race to another node is no error.
func (s *Service) takeBack(ctx context.Context, j Job) error {
	next, err := s.deps.Store.Swap(ctx, j, interrupted(j, s.cfg, s.clock()))
	if errdefs.IsFailedPrecondition(err) || errdefs.IsNotFound(err) {
		return nil
	}
	if err == nil {
		s.log.Info("a job whose node ended was taken back", "job", j.ID, "state", next.State)
		ended := j.silentSince(s.cfg, s.clock())
		s.ledger.ran(j, ended, s.clock())
		s.deps.Trace.Lost(j, ended)
		if next.State.Ended() {
			s.deps.Trace.Ended(next)
		}
		s.announce(ctx, next)
	}
	return err
}

// listen reacts to changes that other nodes make: a cancel of a job that runs here, or work to do.
func (s *Service) listen(ctx context.Context, n Notifier) {
	for ctx.Err() == nil {
		err := n.Changes(ctx, func(id string) {
			s.nudge()
			s.mu.Lock()
			a := s.running[id]
			s.mu.Unlock()
			if a != nil {
				a.look()
			}
		})
		if err != nil && ctx.Err() == nil {
			s.log.Warn("listening for other nodes' changes failed, trying again", "error", err)
			pause(ctx, time.Second)
		}
	}
}

// nudge makes the scheduler look again.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// mutate changes a record by compare and swap, reading it anew when somebody else was faster. change returns false to
// leave it as it is.
func (s *Service) mutate(ctx context.Context, id string, change func(*Job) bool) (Job, error) {
	for try := 0; ; try++ {
		old, err := s.deps.Store.Get(ctx, id)
		if err != nil {
			return Job{}, err
		}
		next := old
		if !change(&next) {
			return old, nil
		}
		got, err := s.deps.Store.Swap(ctx, old, next)
		if err == nil || !errdefs.IsFailedPrecondition(err) || try == 20 {
			return got, err
		}
		if ctx.Err() != nil {
			return Job{}, errors.Join(err, ctx.Err())
		}
	}
}
