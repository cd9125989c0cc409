package client

import (
	"context"
	"net/http"
	"time"
)

// Experiment compares two models, or two versions of one, by what people see.
type Experiment struct {
	Name      string     `json:"name"`
	Arms      []Arm      `json:"arms"` // two
	Criterion Criterion  `json:"criterion,omitzero"`
	Promote   *Promotion `json:"promote,omitempty"`
	Traffic   *Traffic   `json:"traffic,omitempty"`
	Created   time.Time  `json:"created_at,omitzero"`
	Pairs     int        `json:"pairs,omitempty"`
	Score     *Score     `json:"score,omitempty"`
	Winner    *int       `json:"winner,omitempty"` // which arm has won, 0 or 1
	Decided   time.Time  `json:"decided_at,omitzero"`
	Promoted  time.Time  `json:"promoted_at,omitzero"`
	Failure   string     `json:"failure,omitempty"` // why the winner did not get the alias
}

// Arm is one of two sides.
type Arm struct {
	Model   string `json:"model"`
	Version string `json:"version,omitempty"` // of its function; "": $LATEST
}

// Criterion says when an arm has won; zero fields take the server's defaults.
type Criterion struct {
	Votes      int     `json:"votes,omitempty"`      // that are no ties
	Confidence float64 `json:"confidence,omitempty"` // of the interval
}

// Promotion is the alias that the winner's version gets.
type Promotion struct {
	Function string `json:"function"`
	Alias    string `json:"alias"`
}

// Traffic is an alias that both arms serve.
type Traffic struct {
	Alias string  `json:"alias"`
	Share float64 `json:"share"` // of the second arm, 0 to 1
}

// Score is how the votes stand, the rate and its interval of the first arm's share.
type Score struct {
	Votes [2]int  `json:"votes"` // by arm
	Ties  int     `json:"ties"`
	Rate  float64 `json:"rate"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Experiments lists all experiments, by name.
func (c *Client) Experiments(ctx context.Context) ([]Experiment, error) {
	var out struct{ Experiments []Experiment }
	err := c.Call(ctx, http.MethodGet, "/v1/experiments", nil, &out)
	return out.Experiments, err
}

// Experiment gives one.
func (c *Client) Experiment(ctx context.Context, name string) (e Experiment, err error) {
	return e, c.Call(ctx, http.MethodGet, "/v1/experiments/"+segment(name), nil, &e)
}

// CreateExperiment begins one; of what is wished name, arms, criterion, promotion and traffic are read.
func (c *Client) CreateExperiment(ctx context.Context, wish Experiment) (e Experiment, err error) {
	return e, c.Call(ctx, http.MethodPost, "/v1/experiments", wish, &e)
}

// ShareExperiment shares out the alias of an experiment anew: share, 0 to 1, is the second arm's.
func (c *Client) ShareExperiment(ctx context.Context, name string, share float64) (e Experiment, err error) {
	return e, c.Call(ctx, http.MethodPatch, "/v1/experiments/"+segment(name), map[string]float64{"share": share}, &e)
}

// PromoteExperiment gives the winner of an experiment the alias again, where it did not get it by itself.
func (c *Client) PromoteExperiment(ctx context.Context, name string) (e Experiment, err error) {
	return e, c.Call(ctx, http.MethodPost, "/v1/experiments/"+segment(name)+"/promote", nil, &e)
}

// RemoveExperiment removes one; its clips stay.
func (c *Client) RemoveExperiment(ctx context.Context, name string) error {
	return c.Call(ctx, http.MethodDelete, "/v1/experiments/"+segment(name), nil, nil)
}
