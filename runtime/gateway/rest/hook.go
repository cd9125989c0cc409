package rest

import (
	"encoding/json"
	"time"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// hookBody is what a webhook tells.
type hookBody struct {
	Type      string    `json:"type"` // "job.completed" …
	Timestamp time.Time `json:"timestamp"`
	Data      hookJob   `json:"data"`
}

// hookJob is the job that a webhook tells of.
type hookJob struct {
	ID       string        `json:"id"`
	Model    string        `json:"model"`
	Status   jobs.State    `json:"status"`
	Batch    string        `json:"batch,omitempty"`
	Seconds  float64       `json:"duration_seconds"`
	Error    *jobs.Problem `json:"error,omitempty"`
	Result   *hookResult   `json:"result,omitempty"`
	Download string        `json:"download,omitempty"` // path on this server
}

// hookResult is the clip of a completed job.
type hookResult struct {
	Size        int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"`
	ContentType string `json:"content_type"`
}

// HookBody is what the receiver of a job's webhook gets.
func HookBody(j jobs.Job) ([]byte, error) {
	b := hookBody{Type: "job." + string(j.State), Timestamp: j.Finished, Data: hookJob{
		ID: j.ID, Model: j.Model, Status: j.State, Batch: j.Batch, Seconds: j.Seconds(), Error: j.Problem,
	}}
	if r := j.Result; j.State == jobs.Completed && r != nil {
		b.Data.Result = &hookResult{r.Size, r.SHA256, r.ContentType}
		b.Data.Download = "/v1/models/" + j.Model + "/jobs/" + j.ID + "/download"
	}
	return json.Marshal(b)
}

// hookView is a job's webhook as the outside sees it: its address without credentials and query.
type hookView struct {
	URL       string    `json:"url" doc:"Without credentials and query"`
	Due       time.Time `json:"due,omitzero" doc:"Next attempt; none is due when it is missing"`
	Attempts  int       `json:"attempts"`
	Delivered time.Time `json:"delivered,omitzero"`
	Error     string    `json:"error,omitempty" doc:"Of the latest attempt"`
}

func hookOf(j jobs.Job) *hookView {
	h := j.Hook
	if h == nil {
		return nil
	}
	return &hookView{outgoing.Shown(h.URL), h.Due, h.Attempts, h.Delivered, h.Error}
}
