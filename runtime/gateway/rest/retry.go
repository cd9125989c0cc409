package rest

import "net/http"

// retry is POST /jobs/{id}/retry.
func (a *API) retry(w http.ResponseWriter, r *http.Request) error {
	j, err := a.ownJob(r)
	if err != nil {
		return err
	}
	if j, err = a.o.Jobs.Retry(r.Context(), j.ID); err != nil {
		return err
	}
	return write(w, http.StatusAccepted, a.view(r, j))
}
