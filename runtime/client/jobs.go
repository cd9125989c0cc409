package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Job is one clip to be made, as the server tells of it.
type Job struct {
	ID          string          `json:"id"`
	Model       string          `json:"model"`
	Status      string          `json:"status"` // queued, running, completed, failed, cancelled or dead
	Reason      string          `json:"reason,omitempty"`
	Priority    string          `json:"priority"`
	Client      string          `json:"client,omitempty"`
	Batch       string          `json:"batch,omitempty"`
	Created     time.Time       `json:"created_at"`
	Started     time.Time       `json:"started_at,omitzero"`
	Finished    time.Time       `json:"finished_at,omitzero"`
	Deadline    time.Time       `json:"deadline,omitzero"`
	Seconds     float64         `json:"duration_seconds,omitempty"`
	Position    int             `json:"position,omitempty"`
	ETA         *float64        `json:"eta_seconds,omitempty"`
	Attempts    int             `json:"attempts"`
	MaxAttempts int             `json:"max_attempts"`
	Progress    *Progress       `json:"progress,omitempty"`
	Request     json.RawMessage `json:"request"`         // as the model's schema has it, without files
	Files       []string        `json:"files,omitempty"` // the request's fields that were files, such as "image"
	Result      *JobResult      `json:"result,omitempty"`
	Error       *JobError       `json:"error,omitempty"`

	Interruptions int `json:"interruptions,omitempty"` // attempts that ended because a server did
}

// Progress is how far a running job has come. While its instance comes up the phase is one of a start's, spec.PhaseUnpack for one.
type Progress struct {
	Phase   string  `json:"phase"`
	Step    int     `json:"step"`
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds,omitempty"`
	Done    int64   `json:"done_bytes,omitempty"`
	Total   int64   `json:"total_bytes,omitempty"` // 0: unknown, or it is not bytes that take the time
}

// JobResult describes the clip of a completed job.
type JobResult struct {
	Size        int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"` // hexadecimal
	ContentType string `json:"content_type"`
	Removed     bool   `json:"removed,omitempty"`
}

// JobError is why a job failed or died.
type JobError struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Log    string `json:"log,omitempty"` // the function's last lines
}

// Ended says that a job will not change any more.
func (j Job) Ended() bool { return endState(j.Status) }

func endState(s string) bool {
	return s == "completed" || s == "failed" || s == "cancelled" || s == "dead"
}

// Prompt is the request's.
func (j Job) Prompt() string {
	var r struct{ Prompt string }
	_ = json.Unmarshal(j.Request, &r) // of another form: no prompt
	return r.Prompt
}

// Seed is the request's; false where it has none.
func (j Job) Seed() (int64, bool) {
	var r struct{ Seed *int64 }
	if json.Unmarshal(j.Request, &r) != nil || r.Seed == nil {
		return 0, false
	}
	return *r.Seed, true
}

// Failure is the error of a job that ended without a clip, nil for one that completed.
func (j Job) Failure() error {
	if j.Status == "completed" {
		return nil
	}
	detail := ""
	if j.Error != nil {
		detail = ": " + j.Error.Detail
		if j.Error.Log != "" {
			detail += "\nthe function's last lines:\n" + strings.TrimRight(j.Error.Log, "\n")
		}
	}
	return fmt.Errorf("job %s is %s%s", j.ID, j.Status, detail)
}

// Submission asks for a clip. Zero fields take the server's defaults.
type Submission struct {
	Model       string
	Request     map[string]any // fields of the model's schema: prompt, seed, width, …
	Priority    string         // high, normal or low
	Deadline    time.Duration  // from now, in whole seconds
	MaxAttempts int
	Webhook     string // called when the job has ended
	Stream      bool   // the clip can be watched while it is made: GET /v1/jobs/{id}/stream.m3u8, stream.mp4
	Key         string // idempotency key: the same one gives the same job
	Client      string // who asks, for quotas and fairness
}

// Submit queues a job.
func (c *Client) Submit(ctx context.Context, s Submission) (j Job, err error) {
	body := map[string]any{}
	for k, v := range s.Request {
		body[k] = v
	}
	set(body, "priority", s.Priority)
	set(body, "webhook", s.Webhook)
	set(body, "max_attempts", s.MaxAttempts)
	set(body, "stream", s.Stream)
	set(body, "deadline_seconds", int64(s.Deadline/time.Second))
	h := http.Header{}
	if s.Key != "" {
		h.Set("Idempotency-Key", s.Key)
	}
	if s.Client != "" {
		h.Set("X-Client-Id", s.Client)
	}
	err = c.callWith(ctx, http.MethodPost, "/v1/models/"+segment(s.Model)+"/generate", h, body, &j)
	if err == nil && j.ID == "" {
		err = fmt.Errorf("%s says that it took the request and names no job: is it a VideosDGX server?", c.server)
	}
	return j, err
}

func set[T comparable](body map[string]any, name string, v T) {
	if v != *new(T) {
		body[name] = v
	}
}

func jobPath(id string) string { return "/v1/jobs/" + segment(id) }

// Job tells of one.
func (c *Client) Job(ctx context.Context, id string) (j Job, err error) {
	return j, c.Call(ctx, http.MethodGet, jobPath(id), nil, &j)
}

// FindJob gives the id of the one job whose id begins with prefix. It looks through all of them unless prefix is a whole id.
func (c *Client) FindJob(ctx context.Context, prefix string) (string, error) {
	prefix = strings.ToLower(prefix)
	if len(prefix) > idLength || strings.Trim(prefix, "0123456789abcdef-") != "" {
		return "", &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("there is no job %.70s: ids are of digits, the letters a to f and -, such as 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7; `videosdgx jobs ls` lists them", prefix)}
	}
	if len(prefix) == idLength {
		return prefix, nil
	}
	found := ""
	for before := ""; ; {
		page, next, err := c.Jobs(ctx, JobFilter{Limit: 500, Before: before})
		if err != nil {
			return "", err
		}
		for _, j := range page {
			switch {
			case !strings.HasPrefix(j.ID, prefix):
			case found != "":
				return "", fmt.Errorf("%s begins the ids of several jobs, %s and %s among them: give more of it", prefix, found, j.ID)
			default:
				found = j.ID
			}
		}
		if next != "" && (len(page) == 0 || next == before) {
			return "", fmt.Errorf("%s gives the same page of jobs again and again: is it a VideosDGX server?", c.server)
		}
		if before = next; before == "" {
			break
		}
	}
	if found == "" {
		return "", &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("there is no job %s, and none whose id begins like that: `videosdgx jobs ls` lists them", prefix)}
	}
	return found, nil
}

// idLength is that of a job's id, a UUID.
const idLength = 36

// JobFilter says which jobs to list; zero fields do not narrow.
type JobFilter struct {
	Model, Batch, Client string
	States               string // one or more, by commas
	Before               string // a job's id: only older ones
	Limit                int    // 1 to 500; default the server's
}

// Jobs lists jobs, newest first. next is the Before of the next page, "" at the end.
func (c *Client) Jobs(ctx context.Context, f JobFilter) (all []Job, next string, err error) {
	q := url.Values{}
	for k, v := range map[string]string{"model": f.Model, "state": f.States, "batch": f.Batch, "client": f.Client, "before": f.Before} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if f.Limit != 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	var page struct {
		Jobs []Job
		Next string
	}
	err = c.Call(ctx, http.MethodGet, "/v1/jobs?"+q.Encode(), nil, &page)
	return page.Jobs, page.Next, err
}

// Cancel ends a job: a waiting one at once, a running one within a second.
func (c *Client) Cancel(ctx context.Context, id string) (j Job, err error) {
	return j, c.Call(ctx, http.MethodDelete, jobPath(id), nil, &j)
}

// Purge cancels a job and removes it with its clip. false: it has not ended yet, and another Purge will remove it.
func (c *Client) Purge(ctx context.Context, id string) (removed bool, err error) {
	resp, err := c.Send(ctx, http.MethodDelete, jobPath(id)+"?purge=true", http.Header{"Accept": {"application/json"}}, nil)
	if err != nil {
		return false, err
	}
	return resp.StatusCode == http.StatusNoContent, resp.Body.Close()
}

// SetPriority gives a waiting job another priority: high, normal or low.
func (c *Client) SetPriority(ctx context.Context, id, priority string) (j Job, err error) {
	return j, c.Call(ctx, http.MethodPatch, jobPath(id), map[string]string{"priority": priority}, &j)
}

// Retry queues a failed, dead or cancelled job again, with all its attempts and the same seed.
func (c *Client) Retry(ctx context.Context, id string) (j Job, err error) {
	return j, c.Call(ctx, http.MethodPost, jobPath(id)+"/retry", nil, &j)
}
