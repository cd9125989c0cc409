package rest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// cancelWait is how long DELETE waits for a running job to end before it answers 202.
const cancelWait = 2 * time.Second

// cancel is DELETE /jobs/{id}: with ?purge=true the job is removed, once it has ended.
func (a *API) cancel(w http.ResponseWriter, r *http.Request) error {
	j, err := a.ownJob(r)
	if err != nil {
		return err
	}
	purge, err := yesNo(r, "purge")
	if err != nil {
		return err
	}
	if purge && j.State.Ended() {
		return a.purge(w, r, j.ID)
	}
	if j, err = a.o.Jobs.Cancel(r.Context(), j.ID); err != nil {
		return err
	}
	if j.State == jobs.Running {
		if j, err = a.await(r, j, cancelWait); err != nil {
			return err
		}
	}
	switch {
	case purge && j.State.Ended():
		return a.purge(w, r, j.ID)
	case j.State == jobs.Cancelled:
		return write(w, http.StatusOK, a.view(r, j))
	case j.State.Ended():
		return fmt.Errorf("job %s is %s already: DELETE with ?purge=true removes it: %w", j.ID, j.State, errdefs.ErrFailedPrecondition)
	}
	return write(w, http.StatusAccepted, a.view(r, j))
}

func (a *API) purge(w http.ResponseWriter, r *http.Request, id string) error {
	if err := a.o.Jobs.Purge(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
