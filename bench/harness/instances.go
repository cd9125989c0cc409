package harness

import (
	"context"
	"fmt"
	"net/http"
	"time"
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v1/snapshots", nil)
	if err != nil {
		return false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusNotImplemented:
		return false, nil
	}
	return false, fmt.Errorf("list the snapshots: %s", resp.Status)
}
