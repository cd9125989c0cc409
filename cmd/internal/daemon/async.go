package daemon

import (
	"context"

	"github.com/videosdgx/videosdgx/runtime/gateway/async"
)

// openEvents takes up the Event invocations that an earlier run has left.
func (p *plane) openEvents(context.Context) error {
	store, err := async.OpenFiles(p.dir("events"))
	if err != nil {
		return err
	}
	p.events = async.New(async.Config{Invoker: p.dispatch, Functions: p.registry, Store: store, Log: p.log})
	return p.events.Start()
}

func (p *plane) closeEvents(context.Context) error {
	p.events.Stop()
	return nil
}
