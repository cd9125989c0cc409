package rest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// batch is POST /batch: either prompts or whole requests; the other fields hold for all of them.
func (a *API) batch(w http.ResponseWriter, r *http.Request) error {
	m, err := a.o.Models.Model(r.Context(), r.PathValue("model"))
	if err != nil {
		return err
	}
	sch, err := a.schemas.of(m)
	if err != nil {
		return err
	}
	o, err := readObject(r, a.o.MaxBatch)
	if err != nil {
		return err
	}
	f := a.files(a.o.Client(r))
	defer f.drop()
	base, err := f.base(r, m, "/0")
	if err != nil {
		return err
	}
	b := &batch{object: o, sch: sch, hooks: a.o.CheckHook, ctx: r.Context(), files: f}
	subs, err := b.read(base)
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

// batch is a body with many requests.
type batch struct {
	*object
	sch   *schema.Schema
	hooks func(string) error
	ctx   context.Context //nolint:containedctx // of the one request that a batch is
	files *files
	fails error // of the server, not of the request
}

// read gives the submissions: of the list, over what holds for all of them.
func (b *batch) read(base jobs.Submit) ([]jobs.Submit, error) {
	prompts, requests := b.list("prompts", "a list of strings"), b.list("requests", "a list of requests")
	b.oneList(prompts, requests)
	shared := b.shared(base)
	if len(b.errs) > 0 {
		shared, b.fields = base, nil // what is wrong for all is not told again for each
	}
	var subs []jobs.Submit
	switch {
	case b.tooMany:
	case prompts != nil && requests == nil:
		subs = b.fromPrompts(shared, prompts)
	case requests != nil && prompts == nil:
		subs = b.fromRequests(shared, requests)
	}
	if b.fails != nil {
		return nil, b.fails
	}
	return subs, b.err()
}

// ask makes a submission where nothing is wrong yet.
func (b *batch) ask(s jobs.Submit, fields schema.Object, at string) jobs.Submit {
	if len(b.errs) > 0 || b.fails != nil {
		return s
	}
	s, bad, err := b.files.ask(b.ctx, s, b.sch, fields)
	for _, e := range bad {
		e.Field = at + e.Field
		b.errs = append(b.errs, e)
	}
	b.fails = err
	return s
}

// list takes a list; nil when there is none.
func (b *batch) list(field, want string) []any {
	v, ok := b.took(field)
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		b.add(jobs.Mistyped(field, show(v), want))
	}
	return l
}

// oneList asks for exactly one list with 1…MaxBatch jobs.
func (b *batch) oneList(prompts, requests []any) {
	switch {
	case len(b.errs) > 0: // a list of the wrong type is told already
	case prompts != nil && requests != nil:
		b.fail("requests", "requests and prompts are both there: give one of them.")
	case prompts == nil && requests == nil:
		b.fail("prompts", "prompts is missing: give a list of prompts, or requests.")
	case prompts != nil:
		b.size("prompts", len(prompts))
	default:
		b.size("requests", len(requests))
	}
}

func (b *batch) size(field string, n int) {
	if n >= 1 && n <= jobs.MaxBatch {
		return
	}
	lo, hi := 1.0, float64(jobs.MaxBatch)
	b.tooMany = n > jobs.MaxBatch
	b.add(jobs.FieldError{Field: field, Detail: fmt.Sprintf("the batch has %d jobs: it must have 1…%d.", n, jobs.MaxBatch), Min: &lo, Max: &hi})
}

// shared reads the fields that hold for every job of the batch that does not say otherwise.
func (b *batch) shared(base jobs.Submit) jobs.Submit {
	if _, both := b.took("prompt"); both {
		b.fail("prompt", "prompt is there besides the list: put it into the list.")
	}
	s := b.settings(base, b.hooks)
	for _, w := range b.sch.Check(b.fields) {
		if !w.Missing { // a request of the list may have it
			b.errs = append(b.errs, fieldErrorsOf([]schema.Wrong{w}, "")...)
		}
	}
	return s
}

func (b *batch) fromPrompts(shared jobs.Submit, prompts []any) []jobs.Submit {
	subs := make([]jobs.Submit, len(prompts))
	for i, p := range prompts {
		fields := with(b.fields, schema.Object{"prompt": p})
		for _, w := range b.sch.Check(fields) {
			if w.Field == "prompt" {
				w.Field = ""
			} else if b.fields == nil && w.Missing {
				continue // the shared fields are wrong, and told
			}
			b.errs = append(b.errs, fieldErrorsOf([]schema.Wrong{w}, "prompts/"+strconv.Itoa(i)+"/")...)
		}
		subs[i] = b.ask(keyed(shared, i), fields, "prompts/"+strconv.Itoa(i)+"/")
	}
	return subs
}

func (b *batch) fromRequests(shared jobs.Submit, requests []any) []jobs.Submit {
	subs := make([]jobs.Submit, len(requests))
	for i, v := range requests {
		fields, ok := v.(map[string]any)
		if !ok {
			b.fail("requests/"+strconv.Itoa(i), "this request is not a JSON object.")
			continue
		}
		one := &object{fields: with(b.fields, fields), at: "requests/" + strconv.Itoa(i) + "/"}
		s := one.settings(keyed(shared, i), b.hooks)
		one.errs = append(one.errs, fieldErrorsOf(b.sch.Check(one.fields), one.at)...)
		b.errs = append(b.errs, one.errs...)
		subs[i] = b.ask(s, one.fields, one.at)
	}
	return subs
}

// with is shared with the fields of one over it; null leaves a field to what is shared.
func with(shared schema.Object, one map[string]any) schema.Object {
	out := schema.Object{}
	maps.Copy(out, shared)
	for name, v := range one {
		if v != nil {
			out[name] = v
		}
	}
	return out
}

// keyed makes item i of a batch, with an idempotency key of its own.
func keyed(s jobs.Submit, i int) jobs.Submit {
	s.Batched = true
	if s.Key != "" {
		s.Key += "/" + strconv.Itoa(i)
	}
	return s
}
