package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// live is GET /v1/events: the board of all jobs, as server-sent events, for as long as the client stays.
func (a *API) live(w http.ResponseWriter, r *http.Request) error {
	gateway.EventStream(w.Header())
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{w: w, rc: http.NewResponseController(w)}
	ctx, cancel := gateway.Following(r)
	defer cancel()
	err := a.board.follow(ctx, r.Header.Get("Last-Event-ID"), a.o.Beat, seer(r), s.send)
	if err != nil && r.Context().Err() == nil && !errors.Is(err, context.Canceled) {
		a.o.Log.Debug("a live stream ended early", "error", err)
	}
	return nil
}

// seer says whose jobs a request may know of; nil: everybody's.
func seer(r *http.Request) func(client string) bool {
	if p := auth.From(r.Context()); p == nil || p.Scopes.Allow(auth.ReadAll) {
		return nil
	}
	return func(client string) bool { return sees(r, client) }
}

// boardNews is what has changed on the board.
type boardNews struct {
	Jobs  []json.RawMessage `json:"jobs"`  // jobView
	Gone  []string          `json:"gone"`  // left the board
	Whole bool              `json:"whole"` // jobs are all that there are
	Queue queueView         `json:"queue"`
}

// follow sends the board, and then what changes on it, until ctx ends or send fails. Nothing runs per follower besides the
// caller.
func (b *board) follow(ctx context.Context, last string, beat time.Duration, sees func(string) bool, send func(string) error) error {
	leave := b.join()
	defer leave()
	if err := send("retry: 2000\n\n"); err != nil {
		return err
	}
	since, previews := b.since(last), map[string]int{}
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		text, now, changed := b.news(since, previews, sees)
		if text != "" {
			if err := send(text); err != nil {
				return err
			}
		}
		since = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-t.C:
			if err := send(": \n\n"); err != nil {
				return err
			}
		}
	}
}

// since reads an event's ID: the state of the board after it; 0 when another run of the server gave it.
func (b *board) since(id string) int64 {
	run, n, _ := strings.Cut(id, ".")
	v, err := strconv.ParseInt(n, 10, 64)
	if err != nil || run != b.run || v < 0 {
		return 0
	}
	return v
}

func (b *board) eventID(n int64) string { return b.run + "." + strconv.FormatInt(n, 10) }

func sse(id, kind string, data []byte) string {
	if id != "" {
		id = "id: " + id + "\n"
	}
	return fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, kind, data)
}
