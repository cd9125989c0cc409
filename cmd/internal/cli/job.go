package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// job is what the server says of a job, as far as the commands show it.
type job struct {
	ID          string     `json:"id"`
	Model       string     `json:"model"`
	Status      string     `json:"status"`
	Reason      string     `json:"reason,omitempty"`
	Priority    string     `json:"priority"`
	Client      string     `json:"client,omitempty"`
	Batch       string     `json:"batch,omitempty"`
	Created     time.Time  `json:"created_at"`
	Started     time.Time  `json:"started_at,omitzero"`
	Finished    time.Time  `json:"finished_at,omitzero"`
	Deadline    time.Time  `json:"deadline,omitzero"`
	Seconds     float64    `json:"duration_seconds,omitempty"`
	Position    int        `json:"position,omitempty"`
	ETA         *float64   `json:"eta_seconds,omitempty"`
	Attempts    int        `json:"attempts"`
	MaxAttempts int        `json:"max_attempts"`
	Progress    *progress  `json:"progress,omitempty"`
	Request     jobRequest `json:"request"`
	Result      *jobResult `json:"result,omitempty"`
	Error       *jobError  `json:"error,omitempty"`
}

type progress struct {
	Phase   string  `json:"phase"`
	Step    int     `json:"step"`
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds,omitempty"`
}

type jobRequest struct {
	Prompt         string   `json:"prompt"`
	NegativePrompt *string  `json:"negative_prompt,omitempty"`
	Width          *int     `json:"width,omitempty"`
	Height         *int     `json:"height,omitempty"`
	NumFrames      *int     `json:"num_frames,omitempty"`
	FPS            *float64 `json:"fps,omitempty"`
	Steps          *int     `json:"num_inference_steps,omitempty"`
	Guidance       *float64 `json:"guidance_scale,omitempty"`
	Seed           *int64   `json:"seed,omitempty"`
	Image          string   `json:"image,omitempty"`
	Preview        bool     `json:"preview,omitempty"`
}

type jobResult struct {
	Size        int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"`
	ContentType string `json:"content_type"`
	Removed     bool   `json:"removed,omitempty"`
}

type jobError struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Log    string `json:"log,omitempty"`
}

func (j job) ended() bool { return endState(j.Status) }

func endState(s string) bool {
	return s == "completed" || s == "failed" || s == "cancelled" || s == "dead"
}

// failure is the error of a job that ended without a clip.
func (j job) failure() error {
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
	hint := ""
	if j.Status == "dead" || j.Status == "cancelled" {
		hint = fmt.Sprintf("; 'videosdgx jobs retry %s' queues it again", j.ID)
	}
	return fmt.Errorf("job %s is %s%s%s", j.ID, j.Status, detail, hint)
}

func jobPath(id string) string { return "/v1/jobs/" + url.PathEscape(id) }

func (c *client) job(ctx context.Context, id string) (j job, err error) {
	return j, c.call(ctx, http.MethodGet, jobPath(id), nil, &j)
}

// callKeyed posts in under an idempotency key.
func (c *client) callKeyed(ctx context.Context, path, key string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Idempotency-Key": {key}}
	resp, err := c.send(ctx, http.MethodPost, path, header, bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// jobEvent is one server-sent event.
type jobEvent struct {
	ID, Type string
	Data     []byte
}

// watchJob calls fn with a job's events until it has ended and gives its last state. A stream that breaks off (a server
// that restarts, a proxy that loses patience) is taken up again where it ended.
func (c *client) watchJob(ctx context.Context, id string, fn func(jobEvent)) (job, error) {
	last := ""
	for failures := 0; ; {
		seen := 0
		j, err := c.watchOnce(ctx, id, &last, func(e jobEvent) { seen++; fn(e) })
		if err == nil && j.ended() {
			return j, nil
		}
		var refused *serverError
		if errors.As(err, &refused) && refused.Status < 500 || ctx.Err() != nil {
			return job{}, errors.Join(err, ctx.Err())
		}
		if failures++; seen > 0 {
			failures = 1
		}
		if failures > 30 {
			return job{}, fmt.Errorf("the events of job %s cannot be followed, the job may go on: %w", id, err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return job{}, ctx.Err()
		}
	}
}

func (c *client) watchOnce(ctx context.Context, id string, last *string, fn func(jobEvent)) (j job, err error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if *last != "" {
		header.Set("Last-Event-ID", *last)
	}
	resp, err := c.send(ctx, http.MethodGet, jobPath(id)+"/events", header, nil)
	if err != nil {
		return j, err
	}
	defer resp.Body.Close()
	err = readEvents(resp.Body, func(e jobEvent) {
		if e.ID != "" {
			*last = e.ID
		}
		if endState(e.Type) {
			_ = json.Unmarshal(e.Data, &j) // a form that is not known has no id: the job is asked for below
			j.Status = e.Type
		}
		fn(e)
	})
	if j.ended() && j.ID == "" {
		return c.job(ctx, id)
	}
	return j, err
}

// readEvents parses a stream of server-sent events (WHATWG HTML, section 9.2.6) to its end.
func readEvents(r io.Reader, fn func(jobEvent)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 16<<20) // a preview frame is one line
	var e jobEvent
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if len(e.Data) > 0 {
				fn(e)
			}
			e = jobEvent{}
		case name == "id":
			e.ID = value
		case name == "event":
			e.Type = value
		case name == "data":
			if len(e.Data) > 0 {
				e.Data = append(e.Data, '\n')
			}
			e.Data = append(e.Data, value...)
		}
	}
	return lines.Err()
}

// download saves a job's clip and checks its digest. to is a file, a folder, "-" for standard output, or "" for the name
// that the server gives. A file that is there is replaced once the clip is whole.
func (c *client) download(ctx context.Context, j job, to string, stdout io.Writer) (string, error) {
	resp, err := c.send(ctx, http.MethodGet, jobPath(j.ID)+"/download", nil, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if to == "-" {
		return "-", check(stdout, resp.Body, j)
	}
	if info, err := os.Stat(to); to == "" || err == nil && info.IsDir() {
		to = filepath.Join(to, serverName(resp, j))
	}
	return to, saveClip(to, resp.Body, j)
}

// serverName is the name of Content-Disposition without any folder in it.
func serverName(resp *http.Response, j job) string {
	_, p, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	name := filepath.Base(filepath.Clean("/" + strings.ReplaceAll(p["filename"], `\`, "/")))
	if err != nil || name == "/" || strings.HasPrefix(name, ".") {
		return j.ID + ".mp4"
	}
	return name
}

func check(w io.Writer, r io.Reader, j job) error {
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), r); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); j.Result != nil && got != j.Result.SHA256 {
		return fmt.Errorf("the clip arrived damaged: sha256 is %s, the server says %s", got, j.Result.SHA256)
	}
	return nil
}
