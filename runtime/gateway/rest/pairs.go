package rest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// addPair gives one request to both arms. What the first one's schema draws, such as the seed, the second one gets too.
func (a *API) addPair(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	if err != nil {
		return err
	}
	o, err := readObject(r, a.o.MaxImage)
	if err != nil {
		return err
	}
	f := a.files(a.o.Client(r))
	defer f.drop()
	base := o.settings(jobs.Submit{Client: a.o.Client(r)}, a.o.CheckHook)
	if err := o.err(); err != nil {
		return err
	}
	var subs [2]jobs.Submit
	for i, arm := range e.Arms {
		if subs[i], err = a.armRequest(r.Context(), f, base, arm, o.fields); err != nil {
			return err
		}
	}
	p := experiments.Pair{ID: uuid.Must(uuid.NewV7()).String(), Swapped: rand.IntN(2) == 1, Request: subs[0].Kept}
	for i := range subs {
		all, _, err := a.o.Jobs.Submit(r.Context(), []jobs.Submit{subs[i]})
		if err != nil {
			return errors.Join(err, a.undoPair(r.Context(), p))
		}
		p.Jobs[i] = all[0].ID
	}
	if err := a.o.Experiments.AddPair(e.Name, p); err != nil {
		return err
	}
	return write(w, http.StatusAccepted, a.pair(r, e, p))
}

// undoPair cancels the job of a pair whose other one was refused.
func (a *API) undoPair(ctx context.Context, p experiments.Pair) error {
	if p.Jobs[0] == "" {
		return nil
	}
	_, err := a.o.Jobs.Cancel(context.WithoutCancel(ctx), p.Jobs[0])
	return err
}

func (a *API) armRequest(ctx context.Context, f *files, base jobs.Submit, arm experiments.Arm, fields schema.Object) (jobs.Submit, error) {
	m, err := a.o.Models.Model(ctx, arm.Model)
	if err != nil {
		return base, err
	}
	sch, err := a.schemas.of(m)
	if err != nil {
		return base, err
	}
	bad := fieldErrorsOf(sch.Check(fields), "")
	if len(bad) == 0 {
		sch.Draw(fields)
		base.Model, base.Qualifier = m.Name, arm.Version
		base, bad, err = f.ask(ctx, base, sch, fields)
	}
	if err == nil && len(bad) > 0 {
		for i := range bad {
			bad[i].Detail = "model " + arm.Model + ": " + bad[i].Detail
		}
		err = invalid(http.StatusUnprocessableEntity, bad)
	}
	return base, err
}

func (a *API) listPairs(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	if err != nil {
		return err
	}
	out := pairList{[]pairView{}}
	for _, p := range slices.Backward(e.Pairs) {
		if v := a.pair(r, e, p); len(out.Pairs) < maxShown && v.Left.Status != "" && v.Right.Status != "" {
			out.Pairs = append(out.Pairs, v)
		}
	}
	return write(w, http.StatusOK, out)
}

// maxShown is how many pairs are listed.
const maxShown = 100

// pair shows a pair to a caller. A side whose job is gone, or is not the caller's to see, has no status.
func (a *API) pair(r *http.Request, e experiments.Experiment, p experiments.Pair) pairView {
	v := pairView{ID: p.ID, Created: p.Created, Request: p.Request}
	i := slices.IndexFunc(p.Votes, func(v experiments.Vote) bool { return v.By == a.o.Client(r) })
	if i >= 0 {
		v.Choice = map[int]string{p.Left(): "left", 1 - p.Left(): "right", experiments.Tie: "tie"}[p.Votes[i].Arm]
	}
	for side, arm := range map[string]int{"left": p.Left(), "right": 1 - p.Left()} {
		s := &v.Left
		if side == "right" {
			s = &v.Right
		}
		j, err := a.o.Jobs.Get(r.Context(), p.Jobs[arm])
		if err != nil || !sees(r, j.Client) {
			continue
		}
		s.Status = j.State
		if j.State == jobs.Completed && !j.Result.Removed {
			s.Download = "/v1/experiments/" + e.Name + "/pairs/" + p.ID + "/" + side
		}
		if i >= 0 || e.Winner != nil {
			s.Model, s.Version = e.Arms[arm].Model, e.Arms[arm].Version
		}
	}
	return v
}

// onePair finds the pair that the path names.
func (a *API) onePair(r *http.Request) (experiments.Experiment, experiments.Pair, error) {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	if err != nil {
		return e, experiments.Pair{}, err
	}
	for _, p := range e.Pairs {
		if p.ID == r.PathValue("pair") {
			return e, p, nil
		}
	}
	return e, experiments.Pair{}, fmt.Errorf("experiment %s has no pair %.70q: %w", e.Name, r.PathValue("pair"), errdefs.ErrNotFound)
}

func (a *API) pairClip(w http.ResponseWriter, r *http.Request) error {
	_, p, err := a.onePair(r)
	if err != nil {
		return err
	}
	arm, ok := map[string]int{"left": p.Left(), "right": 1 - p.Left()}[r.PathValue("side")]
	if !ok {
		return fmt.Errorf("%.20q is no side: left and right are: %w", r.PathValue("side"), errdefs.ErrNotFound)
	}
	j, err := a.o.Jobs.Get(r.Context(), p.Jobs[arm])
	if err == nil && !sees(r, j.Client) {
		err = unknownJob(j.ID)
	}
	if err != nil {
		return err
	}
	return a.send(w, r, j.ID)
}

// vote counts a choice, and gives the alias to a winner where that was wished.
func (a *API) vote(w http.ResponseWriter, r *http.Request) error {
	var wish voteWish
	if err := readWish(r, &wish); err != nil {
		return err
	}
	e, p, err := a.onePair(r)
	if err != nil {
		return err
	}
	arm, ok := map[string]int{"left": p.Left(), "right": 1 - p.Left(), "tie": experiments.Tie}[wish.Choice]
	if !ok {
		return fmt.Errorf("choice is %.20q: it must be left, right or tie: %w", wish.Choice, errdefs.ErrInvalidArgument)
	}
	if e, err = a.o.Experiments.Vote(e.Name, p.ID, a.o.Client(r), arm); err != nil {
		return err
	}
	if e.Winner != nil && e.Promote != nil && e.Promoted.IsZero() {
		if e, err = a.promote(r.Context(), e); err != nil {
			return err
		}
	}
	return write(w, http.StatusOK, a.experiment(r, e))
}
