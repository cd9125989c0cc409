package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// batch is POST /batch: either prompts, with the other fields for all of them, or whole requests.
func (a *API) batch(w http.ResponseWriter, r *http.Request) error {
	m, err := a.o.Models.Model(r.Context(), r.PathValue("model"))
	if err != nil {
		return err
	}
	o, err := readObject(r, a.o.MaxBatch)
	if err != nil {
		return err
	}
	subs, err := o.batch(a.base(r, m))
	if err != nil {
		return err
	}
	all, replayed, err := a.o.Jobs.Submit(r.Context(), subs)
	if err != nil {
		return err
	}
	if replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	return write(w, http.StatusAccepted, jobList{Batch: all[0].Batch, Jobs: a.views(r, all)})
}

func (o *object) batch(base jobs.Submit) ([]jobs.Submit, error) {
	prompts := optional[[]string](o, "prompts", aList)
	requests := optional[[]json.RawMessage](o, "requests", "a list of requests")
	switch {
	case len(o.errs) > 0:
	case prompts != nil && requests != nil:
		o.fail("requests", "requests and prompts are both there: give one of them.")
	case prompts == nil && requests == nil:
		o.fail("prompts", "prompts is missing: give a list of prompts, or requests.")
	}
	n := 0
	if prompts != nil {
		n = len(*prompts)
	} else if requests != nil {
		n = len(*requests)
	}
	if (n == 0 && len(o.errs) == 0) || n > jobs.MaxBatch {
		lo, hi := 1.0, float64(jobs.MaxBatch)
		o.errs = append(o.errs, jobs.FieldError{Field: "prompts", Detail: fmt.Sprintf("the batch has %d jobs: it must have 1…%d.", n, jobs.MaxBatch), Min: &lo, Max: &hi})
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	var subs []jobs.Submit
	if prompts != nil {
		subs = o.fromPrompts(base, *prompts)
	} else {
		subs = o.fromRequests(base, *requests)
	}
	return subs, o.err()
}

func (o *object) fromPrompts(base jobs.Submit, prompts []string) []jobs.Submit {
	if _, both := o.fields["prompt"]; both {
		o.fail("prompt", "prompt and prompts are both there: give one of them.")
		delete(o.fields, "prompt")
	}
	shared := o.submission(base)
	o.unknown()
	shared.Request.Prompt = "-"
	o.check(shared)
	subs := make([]jobs.Submit, len(prompts))
	for i, p := range prompts {
		subs[i] = keyed(shared, i)
		subs[i].Request.Prompt = p
		for _, e := range subs[i].Validate() {
			if e.Field == "prompt" {
				e.Field = "prompts/" + strconv.Itoa(i)
				o.errs = append(o.errs, e)
			}
		}
	}
	return subs
}

func (o *object) fromRequests(base jobs.Submit, requests []json.RawMessage) []jobs.Submit {
	o.unknown()
	subs := make([]jobs.Submit, len(requests))
	for i, raw := range requests {
		one, err := parseObject(raw, "requests/"+strconv.Itoa(i)+"/")
		if err != nil {
			o.fail("requests/"+strconv.Itoa(i), "this request is not a JSON object.")
			continue
		}
		subs[i] = one.submission(keyed(base, i))
		one.unknown()
		one.check(subs[i])
		o.errs = append(o.errs, one.errs...)
	}
	return subs
}

// keyed gives item i of a batch its own idempotency key.
func keyed(s jobs.Submit, i int) jobs.Submit {
	if s.Key != "" {
		s.Key += "/" + strconv.Itoa(i)
	}
	return s
}
