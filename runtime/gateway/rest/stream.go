package rest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// firstWait is how long a player's first question is held while nothing is there to show. hls.js (1.7.4) gives one up after 20 s and asks
// three times in all when it does, but only twice where the answer is a status outside 4xx, so that held questions last it a minute and
// short ones a few seconds; proxies give up after that minute. ffmpeg (5.1) waits as long as it takes and ends at the first 503, as does
// a list without a chunk: it finds no stream in one, and hls.js gives up at the third.
const firstWait = 50 * time.Second

var errEnough = errors.New("there is enough")

// until waits until a job's stream is enough or the job has ended, at most for wait. An end or a timeout: what there is then is
// the answer.
func (a *API) until(ctx context.Context, id string, wait time.Duration, enough func(jobs.Stream, error) bool) (jobs.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if st, err := a.o.Jobs.Stream(ctx, id); enough(st, err) {
		return st, err
	}
	_ = a.o.Jobs.Watch(ctx, id, "", func(e jobs.Event) error {
		if st, err := a.o.Jobs.Stream(ctx, id); e.Ended() || enough(st, err) {
			return errEnough
		}
		return nil
	})
	return a.o.Jobs.Stream(context.WithoutCancel(ctx), id)
}

// shown is the stream of a job that a player asks for: held as until does. Without one, the answer is that of the job as it is by then: it
// may have ended meanwhile, and asking again would do no more.
func (a *API) shown(w http.ResponseWriter, r *http.Request, enough func(jobs.Stream, error) bool) (jobs.Job, jobs.Stream, error) {
	j, err := a.job(r)
	if err != nil {
		return j, jobs.Stream{}, err
	}
	st, err := a.until(r.Context(), j.ID, a.o.Hold, enough)
	if !errdefs.IsNotFound(err) {
		return j, st, err
	}
	if j, err = a.job(r); err != nil {
		return j, st, err
	}
	if !j.State.Ended() {
		return j, st, notYet(w, j)
	}
	st, err = a.o.Jobs.Stream(r.Context(), j.ID)
	return j, st, err
}

// notYetKind tells what passes by itself from what the log should tell of.
const notYetKind = "not-yet"

// notYet is the answer for a clip whose first chunk is being made. Players ask again after 503, and after no status of the client's.
func notYet(w http.ResponseWriter, j jobs.Job) error {
	w.Header().Set("Retry-After", "2")
	return &httpError{status: http.StatusServiceUnavailable, kind: notYetKind, job: j.ID, err: fmt.Errorf("job %s has no chunk to show yet: ask again", j.ID)}
}

// watch is GET /jobs/{id}/stream.mp4: the clip as it comes, until its end; ?from=N leaves out the chunks before one.
func (a *API) watch(w http.ResponseWriter, r *http.Request) error {
	next, err := from(r)
	if err != nil {
		return err
	}
	j, st, err := a.shown(w, r, func(st jobs.Stream, err error) bool { return err == nil && (len(st.Chunks) > next || st.Ended) })
	if err != nil {
		return err
	}
	if len(st.Chunks) == 0 && !st.Ended { // it is made anew, otherwise than before
		return notYet(w, j)
	}
	f, err := st.Open()
	if err != nil {
		return fmt.Errorf("the stream is gone: %w: %w", err, errdefs.ErrNotFound)
	}
	f.Close()
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Cache-Control", "no-store")
	h.Set("Accept-Ranges", "none")
	h.Set("X-Accel-Buffering", "no")
	gateway.Confine(h, false)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s := &sender{w: w, rc: http.NewResponseController(w), next: next}
	return a.sendAll(r, j.ID, s, st)
}

// from reads ?from=N.
func from(r *http.Request) (int, error) {
	v := r.URL.Query().Get("from")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 1<<20 {
		return 0, invalid(http.StatusBadRequest, []jobs.FieldError{jobs.Mistyped("from", show(v), "the number of a chunk, from 0 on")})
	}
	return n, nil
}

// sendAll sends chunks until the last, over the job's attempts. A stream that comes to nothing ends in the middle, which a player sees.
func (a *API) sendAll(r *http.Request, id string, s *sender, st jobs.Stream) error {
	if err := s.send(st); err != nil {
		return http.ErrAbortHandler
	}
	for !st.Ended {
		more, err := a.more(r.Context(), id, s.next, st)
		if r.Context().Err() != nil {
			return nil
		}
		if err != nil || !more.Continues(st) { // it failed, or begins anew with other bytes
			return http.ErrAbortHandler
		}
		if st = more; s.send(st) != nil {
			return http.ErrAbortHandler // the client has left, or the file lacks what was promised: no clean end
		}
	}
	return nil
}

// more waits until the file of st has more than n chunks, has ended or is another one. An attempt that fails and is followed by one that
// gives the same bytes is not noticed.
func (a *API) more(ctx context.Context, id string, n int, st jobs.Stream) (jobs.Stream, error) {
	return a.until(ctx, id, time.Hour, func(now jobs.Stream, err error) bool {
		return err != nil || !now.Continues(st) || now.Ended || len(now.Chunks) > n
	})
}

// sender sends the chunks that are there to one reader.
type sender struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	began bool
	next  int
	sent  int64
}

func (s *sender) send(st jobs.Stream) error {
	f, err := st.Open() // another one when an attempt that follows has come as far
	if err != nil {
		return err
	}
	defer f.Close()
	if !s.began {
		s.began = true
		at, size := st.Range(-1)
		if err := s.part(f, at, size); err != nil {
			return err
		}
	}
	for ; s.next < len(st.Chunks); s.next++ {
		at, size := st.Range(s.next)
		if err := s.part(f, at, size); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) part(f io.ReaderAt, at, size int64) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(10 * stall)) // a player that is paused takes no more for a while
	if _, err := io.CopyN(s.w, io.NewSectionReader(f, at, size), size); err != nil {
		return err
	}
	fill := filler(s.sent + size)
	if _, err := s.w.Write(fill); err != nil {
		return err
	}
	s.sent += size + int64(len(fill))
	return s.rc.Flush()
}

// playerBlock is in what portions Chromium's player takes a file, in bytes: it looks at none before all of it is there.
const playerBlock = 32 << 10

// filler is a box without content that fills what was sent up to a whole portion, so that the player sees all of it now.
func filler(sent int64) []byte {
	n := (playerBlock - sent%playerBlock) % playerBlock
	if n > 0 && n < 8 { // less than a box's head
		n += playerBlock
	}
	fill := make([]byte, n)
	if n > 0 {
		binary.BigEndian.PutUint32(fill, uint32(n))
		copy(fill[4:], "free")
	}
	return fill
}

// located puts a chunk's address into its event.
func located(r *http.Request, j jobs.Job, e jobs.Event) jobs.Event {
	var data map[string]any
	if e.Type != "chunk" || json.Unmarshal(e.Data, &data) != nil {
		return e
	}
	n, _ := data["chunk"].(float64)
	data["url"] = fmt.Sprintf("%s/chunks/%d.m4s", linksOf(r, j).Self, int(n))
	if b, err := encode(data); err == nil {
		e.Data = b
	}
	return e
}
