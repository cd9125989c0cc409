package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// batch is POST /batch: either prompts or whole requests; the other fields hold for all of them.
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

// batch reads the list of jobs and what holds for all of them.
func (o *object) batch(base jobs.Submit) ([]jobs.Submit, error) {
	prompts := optional[[]string](o, "prompts", aList)
	requests := optional[[]json.RawMessage](o, "requests", "a list of requests")
	o.oneList(prompts, requests)
	shared := o.shared(base)
	if len(o.errs) > 0 {
		shared = base // what is wrong for all is not told again for each
	}
	var subs []jobs.Submit
	switch {
	case o.tooMany:
	case prompts != nil && requests == nil:
		subs = o.fromPrompts(shared, *prompts)
	case requests != nil && prompts == nil:
		subs = o.fromRequests(shared, *requests)
	}
	return subs, o.err()
}

// oneList asks for exactly one list with 1…MaxBatch jobs.
func (o *object) oneList(prompts *[]string, requests *[]json.RawMessage) {
	switch {
	case len(o.errs) > 0: // a list of the wrong type is told already
	case prompts != nil && requests != nil:
		o.fail("requests", "requests and prompts are both there: give one of them.")
	case prompts == nil && requests == nil:
		o.fail("prompts", "prompts is missing: give a list of prompts, or requests.")
	case prompts != nil:
		o.size("prompts", len(*prompts))
	default:
		o.size("requests", len(*requests))
	}
}

func (o *object) size(field string, n int) {
	if n >= 1 && n <= jobs.MaxBatch {
		return
	}
	lo, hi := 1.0, float64(jobs.MaxBatch)
	o.tooMany = n > jobs.MaxBatch
	o.add(jobs.FieldError{Field: field, Detail: fmt.Sprintf("the batch has %d jobs: it must have 1…%d.", n, jobs.MaxBatch), Min: &lo, Max: &hi})
}

// shared reads the fields that hold for every job of the batch that does not say otherwise.
func (o *object) shared(base jobs.Submit) jobs.Submit {
	if _, both := o.fields["prompt"]; both {
		o.fail("prompt", "prompt is there besides the list: put it into the list.")
		delete(o.fields, "prompt")
	}
	s := o.submission(base)
	o.unknown()
	probe := s
	probe.Request.Prompt = "-"
	o.check(probe)
	return s
}

func (o *object) fromPrompts(shared jobs.Submit, prompts []string) []jobs.Submit {
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

func (o *object) fromRequests(shared jobs.Submit, requests []json.RawMessage) []jobs.Submit {
	subs := make([]jobs.Submit, len(requests))
	for i, raw := range requests {
		one, err := parseObject(raw, "requests/"+strconv.Itoa(i)+"/")
		if err != nil {
			o.fail("requests/"+strconv.Itoa(i), "this request is not a JSON object.")
			continue
		}
		subs[i] = one.submission(keyed(shared, i))
		one.unknown()
		one.check(subs[i])
		o.errs = append(o.errs, one.errs...)
	}
	return subs
}

// keyed makes item i of a batch, with an idempotency key of its own.
func keyed(s jobs.Submit, i int) jobs.Submit {
	s.Batched = true
	if s.Key != "" {
		s.Key += "/" + strconv.Itoa(i)
	}
	return s
}
