package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// generate is POST /generate.
func (a *API) generate(w http.ResponseWriter, r *http.Request) error {
	f := a.files(a.o.Client(r))
	defer f.drop()
	m, sch, sub, fields, err := a.asked(r, f, settle)
	if err != nil {
		return err
	}
	if k, looked := a.again(r, sch, m, fields, sub); k != nil {
		return a.reuse(w, r, k)
	} else if looked {
		w.Header().Set("Cache", "miss")
	}
	all, replayed, err := a.o.Jobs.Submit(r.Context(), []jobs.Submit{sub})
	if err != nil {
		return err
	}
	if replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	return a.respond(w, r, all[0])
}

// asked reads a request for one clip, whose files f takes in, lets settle see it, and holds it to the model's schema.
func (a *API) asked(r *http.Request, f *files, settle func(*http.Request, *schema.Schema, schema.Object) error) (m jobs.Model, sch *schema.Schema, sub jobs.Submit, fields schema.Object, err error) {
	if m, err = a.o.Models.Model(r.Context(), r.PathValue("model")); err == nil {
		sch, err = a.schemas.of(m)
	}
	if err != nil {
		return m, sch, sub, nil, err
	}
	if sub, err = f.base(r, m, ""); err != nil {
		return m, sch, sub, nil, err
	}
	var o *object
	if isForm(r) {
		o, err = f.readForm(r, sch)
	} else {
		o, err = readObject(r, a.o.MaxImage)
	}
	if err == nil {
		err = settle(r, sch, o.fields)
	}
	if err != nil {
		return m, sch, sub, nil, err
	}
	sub = o.settings(sub, a.o.CheckHook)
	o.errs = append(o.errs, fieldErrorsOf(sch.Check(o.fields), "")...)
	if len(o.errs) == 0 {
		if sub, o.errs, err = f.ask(r.Context(), sub, sch, o.fields); err != nil {
			return m, sch, sub, nil, err
		}
	}
	if err = o.err(); err == nil {
		reusable(sch, m, &sub)
	}
	return m, sch, sub, o.fields, err
}

// respond waits as Prefer asks, and answers with the job or, where Accept asks for it, the clip.
func (a *API) respond(w http.ResponseWriter, r *http.Request, j jobs.Job) error {
	w.Header().Set("Location", linksOf(r, j).Self)
	wait := waitFor(r, a.o.MaxWait)
	if wait > 0 {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
		var err error
		if j, err = a.await(r, j, wait); err != nil {
			return err
		}
	} else if wantsAsync(r) {
		w.Header().Set("Preference-Applied", "respond-async")
	}
	switch {
	case j.State == jobs.Queued && j.Problem != nil && j.Problem.Kind == "disk-full":
		return &httpError{status: http.StatusInsufficientStorage, job: j.ID, err: fmt.Errorf("%w; job %s waits", jobs.ErrDiskFull, j.ID)}
	case !j.State.Ended():
		return write(w, http.StatusAccepted, a.noted(r, j))
	case j.State == jobs.Completed && wants(r, j.Result.ContentType, "video/*"):
		return a.send(w, r, j.ID)
	case j.State != jobs.Completed && wants(r, "video/*", "audio/*"):
		return noClip(j)
	}
	return write(w, http.StatusOK, a.noted(r, j))
}

// noClip is the error for a client that asked for nothing but the clip of a job that has ended without one: who saves the
// answer must not take the job's record for it.
func noClip(j jobs.Job) error {
	status, detail := http.StatusBadGateway, ""
	if p := j.Problem; p != nil {
		detail = ": " + p.Detail
		switch {
		case p.Kind == "invalid" && p.Status >= 400 && p.Status < 500:
			status = p.Status
		case p.Kind == "timeout" || p.Kind == "deadline":
			status = http.StatusGatewayTimeout
		}
	}
	if j.State == jobs.Cancelled {
		status = http.StatusConflict
	}
	return &httpError{status: status, kind: "job-failed", job: j.ID, err: fmt.Errorf("job %s is %s%s", j.ID, j.State, detail)}
}

// await gives the job as it is when it has ended, when the disk is full for it, or after wait.
func (a *API) await(r *http.Request, j jobs.Job, wait time.Duration) (jobs.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	err := a.o.Jobs.Watch(ctx, j.ID, "", func(e jobs.Event) error {
		if e.Type == string(jobs.Queued) && a.stuck(ctx, j.ID) {
			return errStuck
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStuck) && ctx.Err() == nil && !errdefs.IsNotFound(err) {
		a.o.Log.Debug("waiting for a job ended early", "job", j.ID, "error", err)
	}
	return a.o.Jobs.Get(r.Context(), j.ID)
}

var errStuck = errors.New("the job waits for disk space")

func (a *API) stuck(ctx context.Context, id string) bool {
	j, err := a.o.Jobs.Get(ctx, id)
	return err == nil && j.Problem != nil && j.Problem.Kind == "disk-full"
}
