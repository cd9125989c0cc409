package rest

import (
	"net/http"
	"strconv"
)

// show is GET /jobs/{id}.
func (a *API) show(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	if wait := waitFor(r, a.o.MaxWait); wait > 0 && !j.State.Ended() {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
		if j, err = a.await(r, j, wait); err != nil {
			return err
		}
	}
	return write(w, http.StatusOK, a.noted(r, j))
}
