package rest

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Where the server asks who its callers are, each sees its own jobs alone, and may change no others: a job of somebody else
// is not there. Those who read all see all, and those who manage may do everything.

// sees says whether a request may know of a client's jobs.
func sees(r *http.Request, client string) bool {
	p := auth.From(r.Context())
	return p == nil || p.Scopes.Allow(auth.ReadAll) || p.Client() == client
}

// changes says whether a request may change a client's jobs.
func changes(r *http.Request, client string) bool {
	p := auth.From(r.Context())
	return p == nil || p.Scopes.Allow(auth.Manage) || p.Client() == client
}

// ownJob finds the job that the path names, for who may change it.
func (a *API) ownJob(r *http.Request) (jobs.Job, error) {
	j, err := a.job(r)
	if err == nil && !changes(r, j.Client) {
		err = fmt.Errorf("job %s is another client's: only its own, and keys with the scope manage, may change it: %w", j.ID, errdefs.ErrPermissionDenied)
	}
	return j, err
}

// onlyOwn narrows a filter to what a request may see.
func onlyOwn(r *http.Request, f *jobs.Filter) error {
	p := auth.From(r.Context())
	switch {
	case p == nil || p.Scopes.Allow(auth.ReadAll):
		return nil
	case f.Client != "" && f.Client != p.Client():
		return fmt.Errorf("these credentials show the jobs of client %s alone: leave client out, or use a key with the scope read-all: %w", p.Client(), errdefs.ErrPermissionDenied)
	}
	f.Client = p.Client()
	return nil
}
