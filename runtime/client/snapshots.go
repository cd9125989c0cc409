package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

const snapshotsPath = "/api/v1/snapshots"

func snapshotPath(id string) string { return snapshotsPath + "/" + segment(id) }

// MakeSnapshot makes and proves a snapshot of a function's version or alias ("": $LATEST) now.
func (c *Client) MakeSnapshot(ctx context.Context, function, qualifier string) (r catalog.Record, err error) {
	return r, c.Call(ctx, http.MethodPost, functionPath(function)+"/snapshots?qualifier="+url.QueryEscape(qualifier), nil, &r)
}

// FollowSnapshot is MakeSnapshot that calls fn with each step as it begins, in words.
func (c *Client) FollowSnapshot(ctx context.Context, function, qualifier string, fn func(step string)) (r catalog.Record, err error) {
	path := functionPath(function) + "/snapshots?qualifier=" + url.QueryEscape(qualifier)
	resp, err := c.Send(ctx, http.MethodPost, path, http.Header{"Accept": {"text/event-stream"}}, nil)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if kind := mediaType(resp.Header); kind != "text/event-stream" {
		return r, c.stranger(http.MethodPost, path, kind)
	}
	ended := false
	var told error
	err = ReadEvents(resp.Body, func(e Event) {
		switch e.Type {
		case "progress":
			var p struct{ Phase string }
			_ = json.Unmarshal(e.Data, &p) // a form that is not known shows as nothing
			fn(p.Phase)
		case "error":
			ended = true
			told = errorOf(resp.Status, &Error{}, e.Data)
		case "result":
			ended = true
			told = json.Unmarshal(e.Data, &r)
		}
	})
	if ended {
		return r, told
	}
	if err == nil {
		err = errors.New("the server's answer broke off; `videosdgx snapshot ls` tells whether the snapshot was made")
	}
	return r, err
}

// Snapshots lists them all.
func (c *Client) Snapshots(ctx context.Context) ([]catalog.Record, error) {
	var out struct{ Snapshots []catalog.Record }
	err := c.Call(ctx, http.MethodGet, snapshotsPath, nil, &out)
	return out.Snapshots, err
}

// Snapshot tells of one, with its key and files.
func (c *Client) Snapshot(ctx context.Context, id string) (r catalog.Record, err error) {
	return r, c.Call(ctx, http.MethodGet, snapshotPath(id), nil, &r)
}

// VerifySnapshot has the server read every byte of one and compare it with its digests.
func (c *Client) VerifySnapshot(ctx context.Context, id string) (r catalog.Record, err error) {
	return r, c.Call(ctx, http.MethodPost, snapshotPath(id)+"/verify", nil, &r)
}

// RemoveSnapshot removes one.
func (c *Client) RemoveSnapshot(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, snapshotPath(id), nil, nil)
}

// CollectSnapshots removes those that can never serve again, and says how many and how large they were.
func (c *Client) CollectSnapshots(ctx context.Context) (removed int, bytes int64, err error) {
	var out struct {
		Removed int
		Bytes   int64
	}
	err = c.Call(ctx, http.MethodPost, snapshotsPath+"/gc", nil, &out)
	return out.Removed, out.Bytes, err
}
