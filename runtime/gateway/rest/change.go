package rest

import (
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// changeJob is PATCH /jobs/{id}: a waiting job's priority is what can be changed of it.
func (a *API) changeJob(w http.ResponseWriter, r *http.Request) error {
	j, err := a.ownJob(r)
	if err != nil {
		return err
	}
	o, err := readObject(r, maxWish)
	if err != nil {
		return err
	}
	p := j.Priority
	text, given := o.text("priority", priorities)
	switch {
	case given && (text == "" || p.UnmarshalText([]byte(text)) != nil):
		o.add(jobs.Mistyped("priority", show(text), priorities))
	case !given && len(o.errs) == 0:
		o.fail("priority", "priority is missing: write "+priorities+".")
	}
	for name := range o.fields {
		o.fail(name, name+" cannot be changed: of a job that was submitted only its priority can.")
	}
	if err := o.err(); err != nil {
		return err
	}
	if j, err = a.o.Jobs.Prioritize(r.Context(), j.ID, p); err != nil {
		return err
	}
	return write(w, http.StatusOK, a.view(r, j))
}
