package wan21

import (
	"context"
	"errors"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// opening is a session that is being opened.
type opening struct {
	done    chan struct{} // closed when session and err are set
	session engine.Session
	err     error
}

// sessions opens the graphs of a bundle one after the other, in the order in which a clip needs them, while whoever asked
// goes on: an instance answers before its last graph is open, and a clip waits for each only when it comes to it.
type sessions struct {
	byName map[string]*opening
	order  []string
	stop   context.CancelCauseFunc
	ended  chan struct{}
}

var errClosed = errors.New("the pipeline is closed")

// openAll starts to open the named graphs. The context ends with close, not with the caller's.
func openAll(ctx context.Context, names []string, open func(ctx context.Context, name string) (engine.Session, error)) *sessions {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &sessions{byName: map[string]*opening{}, order: names, stop: stop, ended: make(chan struct{})}
	for _, name := range names {
		s.byName[name] = &opening{done: make(chan struct{})}
	}
	go func() {
		defer close(s.ended)
		for _, name := range names {
			o := s.byName[name]
			o.session, o.err = open(ctx, name)
			close(o.done)
		}
	}()
	return s
}

// get waits until a graph is open.
func (s *sessions) get(ctx context.Context, name string) (engine.Session, error) {
	o := s.byName[name]
	if o == nil {
		return nil, fmt.Errorf("the bundle has no graph %s", name)
	}
	select {
	case <-o.done:
		return o.session, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// run waits for a graph and runs it.
func (s *sessions) run(ctx context.Context, name string, in engine.Values, resident ...string) (engine.Values, error) {
	session, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return session.Run(ctx, in, resident...)
}

// close ends the opening and closes what is open. It may be called twice.
func (s *sessions) close() error {
	s.stop(errClosed)
	<-s.ended
	var errs []error
	for _, name := range s.order {
		if o := s.byName[name]; o.session != nil {
			errs = append(errs, o.session.Close())
		}
	}
	return errors.Join(errs...)
}
