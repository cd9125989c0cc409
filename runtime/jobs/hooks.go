package jobs

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"
)

// HookCall is one delivery of a webhook, signed as Standard Webhooks (standardwebhooks.com) has it: HMAC-SHA256 over
// "id.timestamp.body", base64, under "v1,".
type HookCall struct {
	URL       string
	ID        string // the job's and the state's: the same for every attempt
	Timestamp int64  // Unix seconds
	Signature string
	Body      []byte
}

// Sign gives the webhook-signature header.
func Sign(secret []byte, id string, timestamp int64, body []byte) string {
	m := hmac.New(sha256.New, secret)
	fmt.Fprintf(m, "%s.%d.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// HookBody is what a webhook tells. Its names are those of the REST API.
type HookBody struct {
	Type      string    `json:"type"` // "job.completed" …
	Timestamp time.Time `json:"timestamp"`
	Data      HookJob   `json:"data"`
}

// HookJob is the job that a webhook tells of.
type HookJob struct {
	ID       string      `json:"id"`
	Model    string      `json:"model"`
	Status   State       `json:"status"`
	Batch    string      `json:"batch,omitempty"`
	Seconds  float64     `json:"duration_seconds"`
	Error    *Problem    `json:"error,omitempty"`
	Result   *HookResult `json:"result,omitempty"`
	Download string      `json:"download,omitempty"` // path on this server
}

// HookResult is the clip of a completed job.
type HookResult struct {
	Size        int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"`
	ContentType string `json:"content_type"`
}

// hooksAtOnce bounds deliveries under way, so that receivers that do not answer hold up the others little.
const hooksAtOnce = 16

// hooks delivers what is due.
func (s *Service) hooks(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var under errgroup.Group
	under.SetLimit(hooksAtOnce)
	defer under.Wait() //nolint:errcheck // deliveries tell their errors themselves
	for {
		due, err := s.deps.Store.HooksDue(ctx, s.clock(), 100)
		s.try("webhooks", err)
		for _, j := range due {
			under.Go(func() error { s.try("webhooks", s.deliver(ctx, j)); return nil })
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hookLease keeps everybody else from delivering the same hook meanwhile.
const hookLease = 30 * time.Second

// deliver makes one attempt. Losing the record to another delivery of the same hook is no error.
func (s *Service) deliver(ctx context.Context, j Job) error {
	taken := j
	h := *j.Hook
	h.Attempts++
	h.Due = stamp(s.clock().Add(hookLease))
	taken.Hook = &h
	taken, err := s.deps.Store.Swap(ctx, j, taken)
	if err != nil {
		return ignore(err, errdefs.IsFailedPrecondition, errdefs.IsNotFound)
	}
	call, err := s.call(taken)
	if err != nil {
		return err
	}
	status, err := s.deps.Post(ctx, call)
	if err != nil && ctx.Err() != nil {
		return nil //nolint:nilerr // this node stops: what came of it is not known, and the hook is due again after its lease
	}
	_, serr := s.deps.Store.Swap(context.WithoutCancel(ctx), taken, s.delivered(taken, status, err))
	return ignore(serr, errdefs.IsFailedPrecondition, errdefs.IsNotFound)
}

func (s *Service) call(j Job) (HookCall, error) {
	b := HookBody{Type: "job." + string(j.State), Timestamp: j.Finished, Data: HookJob{
		ID: j.ID, Model: j.Model, Status: j.State, Batch: j.Batch, Seconds: j.Seconds(), Error: j.Problem,
	}}
	if r := j.Result; j.State == Completed && r != nil {
		b.Data.Result = &HookResult{r.Size, r.SHA256, r.ContentType}
		b.Data.Download = "/v1/models/" + j.Model + "/jobs/" + j.ID + "/download"
	}
	body, err := json.Marshal(b)
	now := s.clock().Unix()
	id := j.ID + "." + string(j.State) + "." + strconv.FormatInt(j.Token, 10)
	return HookCall{URL: j.Hook.URL, ID: id, Timestamp: now, Body: body, Signature: Sign(s.cfg.HookSecret, id, now, body)}, err
}

// delivered gives the record after an attempt: done, due again after a pause, or given up.
func (s *Service) delivered(j Job, status int, err error) Job {
	h := *j.Hook
	now := s.clock()
	h.Due, h.Error = time.Time{}, ""
	switch {
	case err == nil && status >= 200 && status < 300:
		h.Delivered = now
	default:
		h.Error = fmt.Sprintf("attempt %d: status %d", h.Attempts, status)
		if err != nil {
			h.Error = clip(fmt.Sprintf("attempt %d: %v", h.Attempts, err))
		}
		if h.Attempts < s.cfg.HookAttempts && status != http.StatusGone {
			h.Due = stamp(now.Add(s.cfg.HookRetry.next(h.Attempts)))
		}
	}
	j.Hook = &h
	return j
}

var hookClient = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		DialContext:       (&net.Dialer{Timeout: 5 * time.Second, Control: refuseLinkLocal}).DialContext,
		DisableKeepAlives: true,
	},
}

// refuseLinkLocal keeps webhooks from cloud metadata services and the like; it sees the address that was resolved.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := a.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("webhooks must not call %s: it is link-local, multicast or unspecified", ip)
	}
	return nil
}

func postHook(ctx context.Context, c HookCall) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(c.Body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "videosdgx-webhook/1")
	req.Header.Set("Webhook-Id", c.ID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(c.Timestamp, 10))
	req.Header.Set("Webhook-Signature", c.Signature)
	resp, err := hookClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
