package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// How many jobs a page may have, and has.
const (
	maxPage     = 500
	defaultPage = 50
)

// list is GET /jobs and GET /v1/jobs.
func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err == nil {
		err = onlyOwn(r, &f)
	}
	if err != nil {
		return err
	}
	if f.Model != "" {
		if _, err := a.o.Models.Model(r.Context(), f.Model); err != nil {
			return err
		}
	}
	page, err := a.o.Jobs.List(r.Context(), f)
	if err != nil {
		return err
	}
	out := jobList{Batch: f.Batch, Jobs: a.views(r, page)}
	if len(page) == f.Limit {
		out.Next = page[len(page)-1].ID
	}
	return write(w, http.StatusOK, out)
}

func filter(r *http.Request) (jobs.Filter, error) {
	q := r.URL.Query()
	f := jobs.Filter{Model: r.PathValue("model"), Batch: q.Get("batch"), Client: q.Get("client"), Prompt: q.Get("q"), Before: q.Get("before"), Limit: defaultPage}
	var bad []jobs.FieldError
	if f.Model == "" {
		f.Model = q.Get("model")
	}
	if q.Has("limit") {
		v := q.Get("limit")
		n, err := strconv.Atoi(v)
		if f.Limit = n; err != nil || n < 1 || n > maxPage {
			lo, hi := 1.0, float64(maxPage)
			bad = append(bad, jobs.FieldError{Field: "limit", Detail: fmt.Sprintf("limit is %q: it must lie in 1…%d.", v, maxPage), Min: &lo, Max: &hi})
		}
	}
	if q.Has("before") && !idForm.MatchString(f.Before) {
		bad = append(bad, jobs.FieldError{Field: "before", Detail: "before is not a job's id: give the last page's next."})
	}
	for _, v := range q["state"] {
		for s := range strings.SplitSeq(v, ",") {
			if st := jobs.State(s); st.Valid() {
				f.States = append(f.States, st)
			} else {
				bad = append(bad, jobs.FieldError{Field: "state", Detail: fmt.Sprintf("%q is not a state: there are queued, running, completed, failed, cancelled and dead.", s)})
			}
		}
	}
	if len(bad) > 0 {
		return f, &jobs.InvalidError{Fields: bad}
	}
	return f, nil
}
