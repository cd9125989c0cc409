package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// Instance is what a bench wants to know of one.
type Instance struct {
	ID, Function, State string
}

// Instances lists what runs of a function.
func (s *Server) Instances(ctx context.Context, function string) ([]Instance, error) {
	var out struct{ Instances []Instance }
	return out.Instances, s.Get(ctx, "/api/v1/instances?function="+function, &out)
}

// StopInstance ends one instance and waits until it is gone.
func (s *Server) StopInstance(ctx context.Context, id string) error {
	return s.Call(ctx, http.MethodDelete, "/api/v1/instances/"+id, nil, nil)
}

// Await asks until ok says yes to a function's instances; 30 s at most.
func (s *Server) Await(ctx context.Context, function string, ok func([]Instance) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		all, err := s.Instances(ctx, function)
		if err != nil {
			return err
		}
		if ok(all) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("function %s has instances %v and does not come to what the bench waits for: %w", function, all, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// MakesSnapshots asks whether the server can; `videosdgx doctor` says why not.
func (s *Server) MakesSnapshots(ctx context.Context) (bool, error) {
	c, err := s.Client()
	if err != nil {
		return false, err
	}
	_, err = c.Snapshots(ctx)
	var e *client.Error
	if errors.As(err, &e) && e.Status == http.StatusNotImplemented {
		return false, nil
	}
	return err == nil, err
}
