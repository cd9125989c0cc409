package sqlite

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// loads counts live jobs per model in memory: this process is the file's only one.
type loads struct {
	mu     sync.Mutex
	counts map[string]map[jobs.State]int
}

func (l *loads) move(model string, from, to jobs.State) {
	l.add(model, from, -1)
	l.add(model, to, 1)
}

func (l *loads) add(model string, s jobs.State, n int) {
	if s != jobs.Queued && s != jobs.Running {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[model] == nil {
		l.counts[model] = map[jobs.State]int{}
	}
	l.counts[model][s] += n
}

func (l *loads) get(model string) (queued, running int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for m, c := range l.counts {
		if model == "" || m == model {
			queued, running = queued+c[jobs.Queued], running+c[jobs.Running]
		}
	}
	return queued, running
}

func (s *Store) countLoads(ctx context.Context) error {
	s.load.counts = map[string]map[jobs.State]int{}
	return s.each(ctx, func(rows *sql.Rows) error {
		var model, state string
		var n int
		err := rows.Scan(&model, &state, &n)
		s.load.add(model, jobs.State(state), n)
		return err
	}, `SELECT model, state, count(*) FROM job WHERE state IN ('queued','running') GROUP BY model, state`)
}

// Queued implements jobs.Queue.
func (s *Store) Queued(context.Context) (int, error) {
	n, _ := s.load.get("")
	return n, nil
}

// Load implements jobs.Queue.
func (s *Store) Load(_ context.Context, model string) (queued, running int, err error) {
	queued, running = s.load.get(model)
	return queued, running, nil
}

// nodeList is the heartbeat table; with one process it needs no file.
type nodeList struct {
	mu    sync.Mutex
	nodes map[string]jobs.Node
}

// Beat implements jobs.Queue.
func (s *Store) Beat(_ context.Context, n jobs.Node) error {
	s.nodes.mu.Lock()
	defer s.nodes.mu.Unlock()
	if s.nodes.nodes == nil {
		s.nodes.nodes = map[string]jobs.Node{}
	}
	s.nodes.nodes[n.Name] = n
	return nil
}

// Nodes implements jobs.Queue.
func (s *Store) Nodes(_ context.Context, since time.Time) (out []jobs.Node, err error) {
	s.nodes.mu.Lock()
	defer s.nodes.mu.Unlock()
	for _, n := range s.nodes.nodes {
		if !n.Seen.Before(since) {
			out = append(out, n)
		}
	}
	return out, nil
}
