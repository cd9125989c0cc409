package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// board is what a page shows of all jobs at once: those that run, those that are next, and those that have just ended. One
// goroutine looks at the store while anybody follows, and encodes each change once, for all of them.
type board struct {
	api *API
	run string // tells this run of the server from others

	mu       sync.Mutex
	people   int
	rev      int64 // of the latest change
	cards    map[string]*card
	gone     []departure
	queue    queueView
	queueRev int64
	changed  chan struct{}
	texts    map[int64]string // the news since a state, encoded
	looking  bool             // the goroutine runs
}

// card is one job on the board.
type card struct {
	id   string
	of   string // whose job it is
	rev  int64
	data []byte // jobView as JSON
	rest []byte // the same without its expected time
	ends time.Time

	preview    []byte // as an event; nil: none
	previewRev int64
}

// show puts a job's present state onto its card; false when it is no news. A time that only runs down is none.
func (c *card) show(v jobView, now time.Time) bool {
	eta := v.ETA
	v.ETA = nil
	rest, err := json.Marshal(v)
	if err != nil {
		return false
	}
	if bytes.Equal(rest, c.rest) && c.expected(eta, now) {
		return false
	}
	c.ends = time.Time{}
	if v.ETA = eta; eta != nil {
		c.ends = now.Add(time.Duration(*eta * float64(time.Second)))
	}
	c.rest = rest
	c.data, err = json.Marshal(v)
	return err == nil
}

// expected says whether eta is near what a follower counts down to.
func (c *card) expected(eta *float64, now time.Time) bool {
	if eta == nil || c.ends.IsZero() {
		return eta == nil && c.ends.IsZero()
	}
	left := max(0, c.ends.Sub(now).Seconds())
	return math.Abs(left-*eta) <= max(2, left/10)
}

type departure struct {
	id  string
	of  string
	rev int64
}

// What the board holds at most, and how often it is looked at.
const (
	boardLive  = 200
	boardEnded = 40
	boardGone  = 1000
	boardTick  = 500 * time.Millisecond
)

func newBoard(a *API) *board {
	return &board{api: a, run: strconv.FormatInt(time.Now().UnixMicro(), 36), cards: map[string]*card{}, changed: make(chan struct{}), texts: map[int64]string{}}
}

// join counts a follower in; the first one starts the looking, and the last one to leave ends it.
func (b *board) join() (leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.people++; !b.looking {
		b.looking = true
		go b.watch()
	}
	return func() { b.mu.Lock(); b.people--; b.mu.Unlock() }
}

func (b *board) watch() {
	ctx := context.Background()
	t := time.NewTicker(boardTick)
	defer t.Stop()
	for {
		b.look(ctx)
		<-t.C
		b.mu.Lock()
		b.looking = b.people > 0
		goes := b.looking
		b.mu.Unlock()
		if !goes {
			return
		}
	}
}

// look takes the board to the present state of the store.
func (b *board) look(ctx context.Context) {
	all, err := b.jobs(ctx)
	queued, running, lerr := b.api.o.Jobs.Load(ctx, "")
	if err != nil || lerr != nil {
		return // the next look may find the store again
	}
	r := (&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/v1/events"}}).WithContext(ctx) // links are those of the gateway's own port
	seen := make(map[string]jobView, len(all))
	for _, j := range all {
		seen[j.ID] = b.api.view(r, j)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.rev
	b.rev++
	changed := b.take(seen)
	if q := (queueView{queued, running, b.api.o.Jobs.Full()}); q != b.queue {
		b.queue, b.queueRev, changed = q, b.rev, true
	}
	if !changed && was > 0 { // that there is nothing is news once
		b.rev = was
		return
	}
	clear(b.texts)
	close(b.changed)
	b.changed = make(chan struct{})
}

// take notes what is new, and what has gone; the caller holds b.mu and has raised b.rev.
func (b *board) take(seen map[string]jobView) (changed bool) {
	for id, v := range seen {
		c := b.cards[id]
		if c == nil {
			c = &card{id: id, of: v.Client}
			b.cards[id] = c
		}
		if c.show(v, time.Now()) {
			c.rev, changed = b.rev, true
		}
		if p := b.api.o.Jobs.Preview(id); p.Number > 0 && int64(p.Number) != c.previewRev {
			c.previewRev, c.preview, changed = int64(p.Number), previewEvent(id, p), true
		}
	}
	for id, c := range b.cards {
		if _, stays := seen[id]; !stays {
			delete(b.cards, id)
			b.gone = append(b.gone, departure{id, c.of, b.rev})
			changed = true
		}
	}
	if n := len(b.gone) - boardGone; n > 0 {
		b.gone = slices.Delete(b.gone, 0, n)
	}
	return changed
}

func previewEvent(id string, p jobs.Preview) []byte {
	data, _ := json.Marshal(map[string]any{"id": id, "content_type": http.DetectContentType(p.Image), "image": p.Image}) // plain data
	return []byte(sse("", "preview", data))
}

// jobs are those that belong on the board.
func (b *board) jobs(ctx context.Context) (all []jobs.Job, err error) {
	ended := []jobs.State{jobs.Completed, jobs.Failed, jobs.Cancelled, jobs.Dead}
	known := map[string]bool{}
	for _, f := range []jobs.Filter{
		{States: []jobs.State{jobs.Running}, Limit: boardLive},
		{States: []jobs.State{jobs.Queued}, OldestFirst: true, Limit: boardLive},
		{States: ended, Limit: boardEnded},
	} {
		page, err := b.api.o.Jobs.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, j := range page {
			if !known[j.ID] {
				known[j.ID] = true
				all = append(all, j)
			}
		}
	}
	return all, nil
}

// news gives what has changed since a state as events, the state they lead to, and what is closed by the next change. sees
// says whose jobs the follower may know of; nil: everybody's. What is said to have gone a follower may never have had.
func (b *board) news(since int64, previews map[string]int, sees func(client string) bool) (text string, now int64, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if since > b.rev || len(b.gone) == boardGone && since < b.gone[0].rev {
		since = 0
	}
	if b.rev > since || since == 0 && b.rev > 0 {
		text = b.text(since, sees)
	}
	for id, c := range b.cards {
		if c.preview != nil && previews[id] != int(c.previewRev) && (sees == nil || sees(c.of)) {
			previews[id] = int(c.previewRev)
			text += string(c.preview)
		}
	}
	for id := range previews {
		if b.cards[id] == nil {
			delete(previews, id)
		}
	}
	return text, b.rev, b.changed
}

// text is the news as an event; those for who sees all are made once.
func (b *board) text(since int64, sees func(string) bool) string {
	if sees != nil {
		return b.encode(since, sees)
	}
	if b.texts[since] == "" {
		b.texts[since] = b.encode(since, func(string) bool { return true })
	}
	return b.texts[since]
}

func (b *board) encode(since int64, sees func(string) bool) string {
	n := boardNews{Jobs: []json.RawMessage{}, Gone: []string{}, Whole: since == 0, Queue: b.queue}
	for _, c := range b.cards {
		if c.rev > since && sees(c.of) {
			n.Jobs = append(n.Jobs, c.data)
		}
	}
	for _, d := range b.gone {
		if since > 0 && d.rev > since && b.cards[d.id] == nil && sees(d.of) {
			n.Gone = append(n.Gone, d.id)
		}
	}
	data, _ := json.Marshal(n) // of what has been marshalled before
	return sse(b.eventID(b.rev), "jobs", data)
}
