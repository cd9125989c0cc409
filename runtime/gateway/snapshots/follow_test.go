package snapshots_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/snapshots"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// keeper makes snapshots in two steps, unless err says why not.
type keeper struct {
	snapshots.Keeper
	err error
}

func (k *keeper) Create(_ context.Context, fn spec.Function, tell func(string)) (catalog.Record, error) {
	if tell != nil {
		tell("starting")
		tell("proving")
	}
	return catalog.Record{ID: "abc", Function: fn.Name}, k.err
}

func TestASnapshotInTheMakingIsFollowed(t *testing.T) {
	fns, k := &gatewaytest.Catalog{}, &keeper{}
	if _, err := fns.Put(t.Context(), spec.Function{Name: "echo", Image: "x"}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{&snapshots.API{Keeper: k, Functions: fns}}}).Handler())
	defer srv.Close()
	c, err := client.New(client.Options{Server: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var steps []string
	follow := func(name string) (catalog.Record, error) {
		steps = nil
		return c.FollowSnapshot(t.Context(), name, "", func(s string) { steps = append(steps, s) })
	}
	if r, err := follow("echo"); err != nil || r.ID != "abc" || !slices.Equal(steps, []string{"starting", "proving"}) {
		t.Errorf("%+v %v %v", r, steps, err)
	}
	if r, err := c.MakeSnapshot(t.Context(), "echo", ""); err != nil || r.ID != "abc" {
		t.Errorf("without following: %+v %v", r, err)
	}
	if _, err := follow("nobody"); !client.IsNotFound(err) || len(steps) > 0 {
		t.Errorf("no such function: %v", err)
	}
	k.err = fmt.Errorf("it is being made already: %w", errdefs.ErrAlreadyExists)
	var refused *client.Error
	if _, err := follow("echo"); !errors.As(err, &refused) || refused.Status != 409 || !strings.Contains(err.Error(), "being made already") {
		t.Errorf("a failure after the first step: %#v", err)
	}
}
