package rest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/experiments"
)

// begin keeps a new experiment and then shares out its alias; where that fails there is none.
func (a *API) begin(ctx context.Context, e *experiments.Experiment) error {
	made, err := a.o.Experiments.Create(*e)
	if err != nil {
		return err
	}
	if *e = made; e.Traffic == nil {
		return nil
	}
	if err := a.route(ctx, *e); err != nil {
		if derr := a.o.Experiments.Delete(e.Name); derr != nil {
			a.o.Log.Warn("an experiment whose alias could not be set is still there", "experiment", e.Name, "error", derr)
		}
		return err
	}
	return nil
}

// route points an experiment's alias to both arms, by its share.
func (a *API) route(ctx context.Context, e experiments.Experiment) error {
	t := e.Traffic
	switch {
	case a.o.Route == nil:
		return fmt.Errorf("this server changes no aliases: %w", errdefs.ErrNotImplemented)
	case t.Share == 0:
		return a.o.Route(ctx, t.Function, t.Alias, e.Arms[0].Version, "", 0)
	case t.Share == 1:
		return a.o.Route(ctx, t.Function, t.Alias, e.Arms[1].Version, "", 0)
	}
	return a.o.Route(ctx, t.Function, t.Alias, e.Arms[0].Version, e.Arms[1].Version, t.Share)
}

// endTraffic leaves an experiment's alias to one arm: the winner, else the first. One that is promoted is where it belongs.
func (a *API) endTraffic(ctx context.Context, e experiments.Experiment) error {
	if e.Traffic == nil || !e.Promoted.IsZero() && e.Promote != nil && e.Promote.Alias == e.Traffic.Alias {
		return nil
	}
	arm := 0
	if e.Winner != nil {
		arm = *e.Winner
	}
	if a.o.Route == nil {
		return nil
	}
	err := a.o.Route(ctx, e.Traffic.Function, e.Traffic.Alias, e.Arms[arm].Version, "", 0)
	if errdefs.IsNotFound(err) {
		return nil // the function or its version has gone, and the alias with it
	}
	return err
}

// shareExperiment is PATCH /v1/experiments/{name}.
func (a *API) shareExperiment(w http.ResponseWriter, r *http.Request) error {
	var wish shareWish
	if err := readWish(r, &wish); err != nil {
		return err
	}
	if wish.Share == nil {
		return fmt.Errorf("share is missing: write how much of the alias's events the second arm gets, 0 to 1: %w", errdefs.ErrInvalidArgument)
	}
	old, err := a.o.Experiments.Get(r.PathValue("name"))
	if err != nil {
		return err
	}
	if !old.Promoted.IsZero() {
		return fmt.Errorf("experiment %s has promoted its winner, which has the alias: %w", old.Name, errdefs.ErrFailedPrecondition)
	}
	e, err := a.o.Experiments.Shared(old.Name, *wish.Share)
	if err != nil {
		return err
	}
	if err := a.route(r.Context(), e); err != nil {
		_, berr := a.o.Experiments.Shared(old.Name, old.Traffic.Share)
		if berr != nil {
			a.o.Log.Warn("an experiment says another share than its alias has", "experiment", e.Name, "error", berr)
		}
		return err
	}
	return write(w, http.StatusOK, a.experiment(r, e))
}

// experiment shows one, with what its arms have answered under the alias.
func (a *API) experiment(r *http.Request, e experiments.Experiment) experimentView {
	v := viewOf(e)
	if e.Traffic == nil {
		return v
	}
	v.Traffic = &trafficView{Alias: e.Traffic.Alias, Share: e.Traffic.Share, Arms: a.tallies.count(r.Context(), a.o.Jobs, e)}
	return v
}
