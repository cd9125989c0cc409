package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/functions/schema"
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
		{"DELETE", "/v1/experiments/{name}", manage, func(a *API) handler { return a.dropExperiment }, operation{
			ID: "dropExperiment", Summary: "Remove an experiment; its clips stay", Tag: "experiments", Out: responses{204: {Text: "Removed"}}, Fails: []int{403, 404, 421}}},
		{"GET", "/v1/experiments/{name}/pairs", look, func(a *API) handler { return a.listPairs }, operation{
			ID: "listPairs", Summary: "Pairs of clips, newest first, without saying which is whose until the caller has voted", Tag: "experiments", Out: responses{200: {Text: "The pairs", Body: pairList{}}}, Fails: readFails}},
		{"POST", "/v1/experiments/{name}/pairs", submits, func(a *API) handler { return a.addPair }, operation{
			ID: "addPair", Summary: "Have both arms make a clip of one request, with one seed", Tag: "experiments", In: modelRequest{}, Out: responses{202: {Text: "Queued", Body: pairView{}}}, Fails: fails}},
		{"GET", "/v1/experiments/{name}/pairs/{pair}/{side}", look, func(a *API) handler { return a.pairClip }, operation{
			ID: "pairClip", Summary: "The clip on one side, left or right", Tag: "experiments", Out: responses{200: {Text: "The clip", Body: clip{}}, 206: {Text: "A range of it", Body: clip{}}}, Fails: []int{400, 404, 409, 421}}},
		{"POST", "/v1/experiments/{name}/pairs/{pair}/vote", submits, func(a *API) handler { return a.vote }, operation{
			ID: "vote", Summary: "Say which side is better; a second vote of the same caller takes the first one's place", Tag: "experiments", In: voteWish{}, Out: responses{200: {Text: "Counted", Body: experimentView{}}}, Fails: fails}},
	}
}

// Promoter points an alias of a function to a version.
type Promoter func(ctx context.Context, function, alias, version string) error

type armView struct {
	Model   string `json:"model"`
	Version string `json:"version,omitempty" doc:"Of its function; left out: $LATEST"`
}

type criterionView struct {
	Votes      int     `json:"votes,omitempty" doc:"That are no ties; default 20"`
	Confidence float64 `json:"confidence,omitempty" doc:"Of the interval; default 0.95"`
}

type promotionView struct {
	Function string `json:"function"`
	Alias    string `json:"alias"`
}

// experimentWish is what POST /v1/experiments takes.
type experimentWish struct {
	Name      string         `json:"name"`
	Arms      []armView      `json:"arms"`
	Criterion criterionView  `json:"criterion,omitempty"`
	Promote   *promotionView `json:"promote,omitempty" doc:"The alias that the winner's version gets, by itself"`
}

type voteWish struct {
	Choice string `json:"choice" doc:"left, right or tie"`
}

type experimentView struct {
	Name      string            `json:"name"`
	Arms      []armView         `json:"arms"`
	Criterion criterionView     `json:"criterion"`
	Promote   *promotionView    `json:"promote,omitempty"`
	Created   time.Time         `json:"created_at"`
	Pairs     int               `json:"pairs"`
	Score     experiments.Score `json:"score" doc:"Of the first arm"`
	Winner    *int              `json:"winner,omitempty" doc:"Which arm has won, 0 or 1"`
	Decided   time.Time         `json:"decided_at,omitzero"`
	Promoted  time.Time         `json:"promoted_at,omitzero"`
	Failure   string            `json:"failure,omitempty" doc:"Why the winner did not get the alias"`
}

type experimentList struct {
	Experiments []experimentView `json:"experiments"`
}

type sideView struct {
	Status   jobs.State `json:"status"`
	Download string     `json:"download,omitempty"`
	Model    string     `json:"model,omitempty" doc:"Once the caller has voted"`
	Version  string     `json:"version,omitempty"`
}

type pairView struct {
	ID      string          `json:"id"`
	Created time.Time       `json:"created_at"`
	Request json.RawMessage `json:"request"`
	Left    sideView        `json:"left"`
	Right   sideView        `json:"right"`
	Choice  string          `json:"choice,omitempty" doc:"The caller's vote"`
}

type pairList struct {
	Pairs []pairView `json:"pairs"`
}

func viewOf(e experiments.Experiment) experimentView {
	v := experimentView{Name: e.Name, Criterion: criterionView(e.Criterion), Promote: (*promotionView)(e.Promote), Created: e.Created, Pairs: len(e.Pairs),
		Score: e.Score(), Winner: e.Winner, Decided: e.Decided, Promoted: e.Promoted, Failure: e.Failure}
	for _, arm := range e.Arms {
		v.Arms = append(v.Arms, armView(arm))
	}
	return v
}

func (a *API) listExperiments(w http.ResponseWriter, _ *http.Request) error {
	out := experimentList{[]experimentView{}}
	for _, e := range a.o.Experiments.List() {
		out.Experiments = append(out.Experiments, viewOf(e))
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
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
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
		if _, err := a.o.Models.Model(r.Context(), arm.Model); err != nil {
			return err
		}
		e.Arms[i] = experiments.Arm(arm)
	}
	e, err := a.o.Experiments.Create(e)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/experiments/"+e.Name)
	return write(w, http.StatusCreated, viewOf(e))
}

func (a *API) showExperiment(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Experiments.Get(r.PathValue("name"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, viewOf(e))
}

func (a *API) dropExperiment(w http.ResponseWriter, r *http.Request) error {
	if err := a.o.Experiments.Delete(r.PathValue("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

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
			return err
		}
		p.Jobs[i] = all[0].ID
	}
	if err := a.o.Experiments.AddPair(e.Name, p); err != nil {
		return err
	}
	return write(w, http.StatusAccepted, a.pair(r, e, p))
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
	return write(w, http.StatusOK, viewOf(e))
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
