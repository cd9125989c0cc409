package rest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// firstWait is how long a player's first question is held while nothing is there to show.
const firstWait = 25 * time.Second

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

// notYet is the answer for a clip whose first chunk is being made. Players ask again after 503, and after no status of the client's.
func notYet(w http.ResponseWriter, j jobs.Job) error {
	w.Header().Set("Retry-After", "2")
	return &httpError{status: http.StatusServiceUnavailable, kind: "not-yet", job: j.ID, err: fmt.Errorf("job %s has no chunk to show yet: ask again", j.ID)}
}

// playlist is GET /jobs/{id}/stream.m3u8: HLS (RFC 8216) over the chunks that are there; while the job runs a player asks again.
func (a *API) playlist(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	st, err := a.until(r.Context(), j.ID, firstWait, func(st jobs.Stream, err error) bool { return err == nil && (st.Listed() > 0 || st.Ended) })
	if errdefs.IsNotFound(err) && !j.State.Ended() {
		return notYet(w, j)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Cache-Control", "no-store")
	_, err = io.WriteString(w, hls(st))
	return ignoreGone(r, err)
}

// hls is the list. It only grows, over the job's attempts too, and no line of it changes but for the end's. It is played from its
// beginning, whenever somebody comes: a player would take it for something live and begin three chunks before the newest.
func hls(st jobs.Stream) string {
	var b strings.Builder
	all, longest := st.Segments(), 1.0
	for _, c := range all {
		longest = max(longest, math.Round(c.Seconds)) // as RFC 8216 counts
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n#EXT-X-MAP:URI=\"chunks/init.mp4\"\n", int(longest))
	for i, c := range all {
		if c.Anew {
			fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"chunks/init.%d.mp4\"\n", i)
		}
		fmt.Fprintf(&b, "#EXTINF:%.6f,\nchunks/%d.m4s\n", c.Seconds, i)
	}
	if st.Ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.String()
}

var chunkForm = regexp.MustCompile(`^(?:(init)(?:\.([0-9]{1,6}))?\.mp4|([0-9]{1,6})\.m4s)$`)

// chunk is GET /jobs/{id}/chunks/{chunk}: a chunk, or the head that stands before one, the first where none is named.
func (a *API) chunk(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	st, err := a.o.Jobs.Stream(r.Context(), j.ID)
	if err != nil {
		return err
	}
	m := chunkForm.FindStringSubmatch(r.PathValue("chunk"))
	n := 0
	if m != nil {
		n, _ = strconv.Atoi(m[2] + m[3]) // one of them, or none
	}
	if m == nil || n >= st.Listed() {
		return fmt.Errorf("job %s has no chunk %.40q: its stream.m3u8 lists those there are: %w", j.ID, r.PathValue("chunk"), errdefs.ErrNotFound)
	}
	f, at, size, err := st.OpenSegment(n, m[1] != "")
	if err != nil {
		return fmt.Errorf("the chunk is gone: %w: %w", err, errdefs.ErrNotFound)
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	gateway.Confine(h, false)
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	return serveRanges(w, r, "", time.Time{}, io.NewSectionReader(f, at, size))
}

// watch is GET /jobs/{id}/stream.mp4: the clip as it comes, until its end; ?from=N leaves out the chunks before one.
func (a *API) watch(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	next, err := from(r)
	if err != nil {
		return err
	}
	st, err := a.until(r.Context(), j.ID, firstWait, func(st jobs.Stream, err error) bool { return err == nil && (len(st.Chunks) > next || st.Ended) })
	if err == nil && len(st.Chunks) == 0 { // it is made anew, otherwise than before
		return notYet(w, j)
	}
	if errdefs.IsNotFound(err) && !j.State.Ended() {
		return notYet(w, j)
	}
	if err != nil {
		return err
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

// ignoreGone is no error where the client has left.
func ignoreGone(r *http.Request, err error) error {
	if r.Context().Err() != nil {
		return nil
	}
	return err
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
