package rest

import (
	"context"
	"errors"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

var errNoModels = errors.New("no models")

// unread are models that nobody may ask for.
type unread struct{}

func (unread) Model(context.Context, string) (jobs.Model, error) { return jobs.Model{}, errNoModels }
func (unread) Models(context.Context) ([]jobs.Model, error)      { return nil, errNoModels }

// TestCallsWithoutTextsAskForNoModel: to find its schema a bundle's manifest is read. Who is asked of every call still is.
func TestCallsWithoutTextsAskForNoModel(t *testing.T) {
	asked := 0
	a := New(Options{Models: unread{}, Vet: func(context.Context, string, map[string]string) (field, problem string, err error) {
		asked++
		return "", "", nil
	}})
	for body, want := range map[string]error{`{"ping":true}`: nil, `{}`: nil, `{"n":[{"prompt":"x"}]}`: nil, `no JSON`: nil, `{"prompt":"x"}`: errNoModels} {
		if err := a.VetCall(t.Context(), "", "m", []byte(body)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
	if asked != 3 {
		t.Errorf("asked of %d calls, want 3", asked)
	}
}
