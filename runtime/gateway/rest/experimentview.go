package rest

import (
	"encoding/json"
	"time"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

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

// trafficView is an alias whose events both arms get.
type trafficView struct {
	Alias string      `json:"alias" doc:"Of the arms' function; requests for it say version"`
	Share float64     `json:"share" doc:"Of its events that the second arm gets, 0 to 1"`
	Arms  []armShared `json:"arms,omitempty" doc:"What each arm has answered since the experiment began"`
}

type armShared struct {
	Jobs      int64   `json:"jobs" doc:"That ended"`
	Completed int64   `json:"completed"`
	Failed    int64   `json:"failed"`
	Mean      float64 `json:"mean_seconds" doc:"That a completed job ran"`
}

// shareWish is what PATCH /v1/experiments/{name} takes.
type shareWish struct {
	Share *float64 `json:"share" required:"true" doc:"Of the alias's events that the second arm gets, 0 to 1"`
}

// experimentWish is what POST /v1/experiments takes.
type experimentWish struct {
	Name      string         `json:"name"`
	Arms      []armView      `json:"arms"`
	Criterion criterionView  `json:"criterion,omitempty"`
	Promote   *promotionView `json:"promote,omitempty" doc:"The alias that the winner's version gets, by itself"`
	Traffic   *trafficView   `json:"traffic,omitempty" doc:"An alias whose events both versions get, by share, until the experiment is removed or promotes its winner"`
}

type voteWish struct {
	Choice string `json:"choice" doc:"left, right or tie"`
}

type experimentView struct {
	Name      string            `json:"name"`
	Arms      []armView         `json:"arms"`
	Criterion criterionView     `json:"criterion"`
	Promote   *promotionView    `json:"promote,omitempty"`
	Traffic   *trafficView      `json:"traffic,omitempty"`
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
