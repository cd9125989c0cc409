package rest

import (
	"encoding/json"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// view is a job as the outside sees it, with links for the path it was asked under.
func (a *API) view(r *http.Request, j jobs.Job) jobView {
	v := jobView{
		ID: j.ID, Model: j.Model, Status: j.State, Version: j.Qualifier, Reason: a.o.Jobs.Reason(j), Priority: j.Priority, Client: j.Client, Batch: j.Batch,
		Created: j.Created, Started: j.Started, Finished: j.Finished, Deadline: j.Deadline, Seconds: j.Seconds(),
		Attempts: j.Attempts, MaxAttempts: j.MaxAttempts, Interruptions: j.Interruptions, Request: j.Request, Files: j.Left,
		Error: j.Problem, Webhook: hookOf(j), Timing: j.Timing, Links: linksOf(r, j),
	}
	if j.Result != nil {
		v.Result = &resultView{j.Result.Size, j.Result.SHA256, j.Result.ContentType, j.Result.Removed, nil}
		for _, p := range j.Result.Pieces {
			v.Result.Pieces = append(v.Result.Pieces, pieceView{p.Name, p.Size, p.SHA256, p.ContentType})
		}
	}
	if streamOf(j) || a.o.Jobs.Streams(j.ID) {
		v.Links.Stream = v.Links.Self + "/stream.m3u8"
	}
	a.expect(r, j, &v)
	return v
}

// noted is a job for a request that may prefer something.
func (a *API) noted(r *http.Request, j jobs.Job) jobView {
	v := a.view(r, j)
	v.Notes = passedOver(r)
	return v
}

// expect adds what is known of a live job's future and progress.
func (a *API) expect(r *http.Request, j jobs.Job, v *jobView) {
	switch j.State {
	case jobs.Queued:
		if p, ok := a.o.Jobs.Place(r.Context(), j.ID); ok {
			v.Position = p.Position
			v.ETA = a.o.Jobs.Until(p.End)
		}
	case jobs.Running:
		p := j.Progress
		if live, ok := a.o.Jobs.Progress(j.ID); ok {
			p = live
		}
		if p.Phase != "" || p.Step > 0 {
			v.Progress = &p
		}
		if left, ok := a.o.Jobs.Left(j.ID); ok {
			s := left.Seconds()
			v.ETA = &s
		}
	}
}

// streamOf says whether an ended job's chunks are there.
func streamOf(j jobs.Job) bool {
	if j.Result == nil || j.Result.Removed {
		return false
	}
	_, ok := j.Result.Piece(jobs.StreamPiece)
	return ok
}

func linksOf(r *http.Request, j jobs.Job) links {
	base := prefix(r) + "/jobs/" + j.ID
	if prefix(r) == "" && r.PathValue("model") == "" {
		base = "/v1/jobs/" + j.ID
	}
	l := links{Self: base, Events: base + "/events"}
	if j.State == jobs.Completed && !j.Result.Removed {
		l.Download = base + "/download"
	}
	return l
}

func (a *API) views(r *http.Request, all []jobs.Job) []jobView {
	out := make([]jobView, len(all))
	for i, j := range all {
		out[i] = a.view(r, j)
	}
	return out
}

func write(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Cache-Control", "no-store")
	gateway.WriteJSON(w, status, v)
	return nil
}

func encode(v any) (json.RawMessage, error) { return json.Marshal(v) }
