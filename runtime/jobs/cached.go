package jobs

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
)

// Cached asks for the models at most once per keep: scheduling and every submission want them.
func Cached(m Models, keep time.Duration) Models { return &cached{of: m, keep: keep} }

type cached struct {
	of   Models
	keep time.Duration

	mu  sync.Mutex
	at  time.Time
	all []Model
}

// Models implements Models.
func (c *cached) Models(ctx context.Context) ([]Model, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < c.keep {
		return c.all, nil
	}
	all, err := c.of.Models(ctx)
	if err != nil {
		return nil, err
	}
	c.all, c.at = all, time.Now()
	return all, nil
}

func (c *cached) latest(ctx context.Context) ([]Model, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, err := Latest(ctx, c.of)
	if err != nil {
		return nil, err
	}
	c.all, c.at = all, time.Now()
	return all, nil
}

// Model implements Models. A name that is not among the kept ones is asked for: it may be new.
func (c *cached) Model(ctx context.Context, name string) (Model, error) {
	all, err := c.Models(ctx)
	if err != nil {
		return Model{}, err
	}
	for _, m := range all {
		if m.Name == name {
			return m, nil
		}
	}
	if len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 }) {
		return Model{}, fmt.Errorf("that is no model's name: %w", errdefs.ErrNotFound)
	}
	return c.of.Model(ctx, name)
}
