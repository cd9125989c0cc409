package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// experimentEndpoints are served where the server keeps experiments.
func experimentEndpoints() []endpoint {
	look, manage := reads, auth.One(auth.Manage)
	fails := []int{400, 403, 404, 408, 409, 413, 415, 421, 422, 429}
	return []endpoint{
		{"GET", "/v1/experiments", look, func(a *API) handler { return a.listExperiments }, operation{
			ID: "listExperiments", Summary: "All experiments", Tag: "experiments", Out: responses{200: {Text: "By name", Body: experimentList{}}}}},
		{"POST", "/v1/experiments", manage, func(a *API) handler { return a.createExperiment }, operation{
			ID: "createExperiment", Summary: "Begin to compare two models, or two versions of one", Tag: "experiments", In: experimentWish{}, Out: responses{201: {Text: "Begun", Body: experimentView{}}}, Fails: fails}},
		{"GET", "/v1/experiments/{name}", look, func(a *API) handler { return a.showExperiment }, operation{
			ID: "getExperiment", Summary: "How the votes stand", Tag: "experiments", Out: responses{200: {Text: "The experiment", Body: experimentView{}}}, Fails: readFails}},
		{"PATCH", "/v1/experiments/{name}", manage, func(a *API) handler { return a.shareExperiment }, operation{
			ID: "shareExperiment", Summary: "Share out the traffic of an experiment's alias anew", Tag: "experiments", In: shareWish{}, Out: responses{200: {Text: "Shared out", Body: experimentView{}}}, Fails: append([]int{501}, fails...)}},
		{"DELETE", "/v1/experiments/{name}", manage, func(a *API) handler { return a.dropExperiment }, operation{
			ID: "dropExperiment", Summary: "Remove an experiment; its clips stay", Tag: "experiments", Out: responses{204: {Text: "Removed"}}, Fails: []int{403, 404, 421}}},
		{"POST", "/v1/experiments/{name}/promote", manage, func(a *API) handler { return a.promoteExperiment }, operation{
			ID: "promoteExperiment", Summary: "Give the winner its alias again, where it did not get it by itself", Tag: "experiments", Out: responses{200: {Text: "It has the alias", Body: experimentView{}}}, Fails: []int{403, 404, 409, 421}}},
		{"GET", "/v1/experiments/{name}/pairs", look, func(a *API) handler { return a.listPairs }, operation{
			ID: "listPairs", Summary: "Pairs of clips, newest first, without saying which is whose until the caller has voted", Tag: "experiments", Out: responses{200: {Text: "The pairs", Body: pairList{}}}, Fails: readFails}},
		{"POST", "/v1/experiments/{name}/pairs", submits, func(a *API) handler { return a.addPair }, operation{
			ID: "addPair", Summary: "Have both arms make a clip of one request, with one seed", Tag: "experiments", In: modelRequest{}, Out: responses{202: {Text: "Queued", Body: pairView{}}}, Fails: fails}},
		{"GET", "/v1/experiments/{name}/pairs/{pair}/{side}", look, func(a *API) handler { return a.pairClip }, operation{
			ID: "pairClip", Summary: "The clip on one side, left or right", Tag: "experiments", Out: responses{200: {Text: "The clip", Body: clip{}}, 206: {Text: "A range of it", Body: clip{}}}, Fails: []int{400, 404, 406, 409, 421}}},
		{"POST", "/v1/experiments/{name}/pairs/{pair}/vote", submits, func(a *API) handler { return a.vote }, operation{
			ID: "vote", Summary: "Say which side is better; a second vote of the same caller takes the first one's place", Tag: "experiments", In: voteWish{}, Out: responses{200: {Text: "Counted", Body: experimentView{}}}, Fails: fails}},
	}
}

// Promoter points an alias of a function to a version.
type Promoter func(ctx context.Context, function, alias, version string) error

func (a *API) listExperiments(w http.ResponseWriter, r *http.Request) error {
	out := experimentList{[]experimentView{}}
	for _, e := range a.o.Experiments.List() {
		out.Experiments = append(out.Experiments, a.experiment(r, e))
	}
	return write(w, http.StatusOK, out)
}

// maxWish bounds the body of what is no request for a clip, in bytes.
const maxWish = 64 << 10

func readWish(r *http.Request, into any) error {
	b, err := gateway.ReadBody(r, maxWish, "the body")
	if err != nil {
		return err
	}
	err = jsonform.DecodeKnown(b, into)
	if twice := new(jsonform.TwiceError); errors.As(err, &twice) {
		return saidTwice(twice)
	}
	if err != nil {
		return invalid(http.StatusBadRequest, []jobs.FieldError{{Detail: fmt.Sprintf("the body is not what this takes: %v; /openapi.json shows it.", err)}})
	}
	return nil
}

func (a *API) createExperiment(w http.ResponseWriter, r *http.Request) error {
	var wish experimentWish
	if err := readWish(r, &wish); err != nil {
		return err
	}
	if len(wish.Arms) != 2 {
		return fmt.Errorf("arms has %d: an experiment has two: %w", len(wish.Arms), errdefs.ErrInvalidArgument)
	}
	e := experiments.Experiment{Name: wish.Name, Criterion: experiments.Criterion(wish.Criterion), Promote: (*experiments.Promotion)(wish.Promote)}
	for i, arm := range wish.Arms {
		m, err := a.o.Models.Model(r.Context(), arm.Model)
		if err == nil && arm.Version != "" && a.o.Versions != nil {
			err = a.o.Versions(r.Context(), m.Function, arm.Version)
		}
		if err != nil {
			return err
		}
		if e.Arms[i] = experiments.Arm(arm); wish.Traffic != nil {
			e.Traffic = &experiments.Traffic{Function: m.Function, Alias: wish.Traffic.Alias, Share: wish.Traffic.Share}
		}
	}
	if err := a.begin(r.Context(), &e); err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/experiments/"+e.Name)
	return write(w, http.StatusCreated, a.experiment(r, e))
}

func (a *API) showExperiment(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, a.experiment(r, e))
}

func (a *API) dropExperiment(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	if err == nil {
		err = a.endTraffic(r.Context(), e)
	}
	if err == nil {
		err = a.o.Experiments.Delete(e.Name)
	}
	if err != nil {
		return err
	}
	a.tallies.drop(e.Name)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// promoteExperiment is POST /v1/experiments/{name}/promote.
func (a *API) promoteExperiment(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	switch {
	case err != nil:
		return err
	case e.Promote == nil:
		return fmt.Errorf("experiment %s promotes nothing: begin one with promote: %w", e.Name, errdefs.ErrFailedPrecondition)
	case e.Winner == nil:
		return fmt.Errorf("experiment %s has no winner yet: %w", e.Name, errdefs.ErrFailedPrecondition)
	}
	if e.Promoted.IsZero() {
		if e, err = a.promote(r.Context(), e); err != nil {
			return err
		}
	}
	if e.Promoted.IsZero() {
		return fmt.Errorf("the winner did not get the alias: %s: %w", e.Failure, errdefs.ErrFailedPrecondition)
	}
	return write(w, http.StatusOK, a.experiment(r, e))
}

func (a *API) promote(ctx context.Context, e experiments.Experiment) (experiments.Experiment, error) {
	err := fmt.Errorf("this server changes no aliases: %w", errdefs.ErrNotImplemented)
	if a.o.Promote != nil {
		err = a.o.Promote(ctx, e.Promote.Function, e.Promote.Alias, e.Arms[*e.Winner].Version)
	}
	if err != nil {
		a.o.Log.Warn("the winner of an experiment did not get its alias", "experiment", e.Name, "error", err)
	}
	return a.o.Experiments.Promoted(e.Name, err)
}

func saidTwice(t *jsonform.TwiceError) error {
	return invalid(http.StatusBadRequest, []jobs.FieldError{{Field: strings.TrimPrefix(t.Pointer, "/"), Detail: t.Error() + "."}})
}
