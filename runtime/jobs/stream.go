package jobs

import (
	"cmp"
	"context"
	"fmt"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"strconv"

	"github.com/containerd/errdefs"
)

// Chunk is one of a clip that leaves while it is made: a fragment of MP4, which a player can show once it has the head.
type Chunk struct {
	Size    int64   `json:"size"` // bytes
	Seconds float64 `json:"seconds"`
}

// StreamPiece is the name of the piece that is a clip's head and chunks, one behind the other.
const StreamPiece = "stream"

// secondsHeader says how long a chunk lasts; the head has 0.
const secondsHeader = "X-Videosdgx-Seconds"

// maxChunks bounds what a record keeps: some hours of video.
const maxChunks = 20000

// Stream is a clip's head and chunks as far as they are there: as one file, and as a playlist lists them. The two differ only after an
// attempt that failed and was followed by one that gave other bytes: the file is the last one's, the list begins with what was shown.
type Stream struct {
	look
	Chunks  []Chunk // of the file
	Ended   bool    // no more come
	line    string
	earlier []look
}

// Segment is a chunk in a playlist.
type Segment struct {
	Chunk
	Anew bool // it has another head than the one before: a discontinuity
}

// Listed is how many chunks a playlist has.
func (s Stream) Listed() int {
	n := len(s.chunks)
	if last := len(s.earlier) - 1; last >= 0 {
		n = max(n, len(s.earlier[last].chunks))
	}
	return n
}

// source is where a playlist's chunk comes from.
func (s Stream) source(chunk int) look {
	for _, l := range s.earlier {
		if chunk < len(l.chunks) {
			return l
		}
	}
	return s.look
}

// Segments are a playlist's chunks. A later look at the same job gives these, and then others.
func (s Stream) Segments() []Segment {
	out := make([]Segment, s.Listed())
	for i := range out {
		from := s.source(i)
		out[i] = Segment{Chunk: from.chunks[i], Anew: i > 0 && from.of != s.source(i-1).of}
	}
	return out
}

// OpenSegment opens a chunk of the playlist, or with head what stands before it; the caller closes the file.
func (s Stream) OpenSegment(chunk int, head bool) (f *os.File, at, size int64, err error) {
	from := s.source(chunk)
	at, size = from.place(-1)
	if !head {
		at, size = from.place(chunk)
	}
	f, err = from.of.open()
	return f, at, size, err
}

// Range is where a chunk lies in the file: −1 is the head.
func (s Stream) Range(chunk int) (at, size int64) { return s.place(chunk) }

// Open opens the file as far as it is there; the caller closes it.
func (s Stream) Open() (*os.File, error) { return s.of.open() }

// Continues tells whether the file of s begins with what an earlier look gave.
func (s Stream) Continues(earlier Stream) bool { return s.line == earlier.line }

// Stream gives the chunks of a job, while it is not at its end and afterwards. NotFound is a job without any: it has not come so far,
// does not stream, or retention took them.
func (s *Service) Stream(ctx context.Context, id string) (Stream, error) {
	if held := s.shows.held(id); held != nil && s.runsHere(id) {
		if st, ok := held.now(); ok {
			return st, nil
		}
	}
	var j Job
	for range 2 { // it may end between a look at its record and one at the disk
		var err error
		if j, err = s.Get(ctx, id); err != nil {
			return Stream{}, err
		}
		if st, ok := s.recordedStream(j); ok {
			return st, nil
		}
		if j.State.Ended() {
			break
		}
		left, err := s.shows.find(id)
		if err != nil {
			return Stream{}, fmt.Errorf("looking for the chunks of job %s: %w", id, err)
		}
		if left == nil {
			continue
		}
		if st, ok := left.now(); ok {
			return st, nil
		}
	}
	return Stream{}, j.noChunks()
}

// noChunks says why there are none, and what would do.
func (j Job) noChunks() error {
	switch {
	case j.Result != nil && j.Result.Removed:
		return fmt.Errorf("the chunks of job %s were removed by retention: generate it again with the same seed: %w", j.ID, errdefs.ErrNotFound)
	case j.State.Ended() && j.State != Completed:
		return fmt.Errorf("job %s is %s, and its chunks are not kept: generate it again: %w", j.ID, j.State, errdefs.ErrNotFound)
	}
	return fmt.Errorf("job %s is %s and has no chunks to show: ask for them with \"stream\": true: %w", j.ID, j.State, errdefs.ErrNotFound)
}

// recordedStream is what a record names.
func (s *Service) recordedStream(j Job) (Stream, bool) {
	if j.Result == nil || j.Result.Removed {
		return Stream{}, false
	}
	for _, p := range j.Result.Pieces {
		if p.Name != StreamPiece {
			continue
		}
		st := Stream{look: s.lookAt(p.File, p.Head, p.Chunks), Chunks: p.Chunks, Ended: true, line: cmp.Or(p.Line, p.File)}
		for _, e := range p.Earlier {
			st.earlier = append(st.earlier, s.lookAt(e.File, e.Head, e.Chunks))
		}
		return st, true
	}
	return Stream{}, false
}

func (s *Service) lookAt(file string, head int64, chunks []Chunk) look {
	name := filepath.Base(file)
	return look{&reel{name: name, path: filepath.Join(s.out.dir, name), head: head, chunks: chunks}, head, chunks}
}

// Streams tells whether a job that has not ended has chunks to show.
func (s *Service) Streams(id string) bool {
	held := s.shows.held(id)
	if held == nil {
		return false
	}
	_, ok := held.now()
	return ok
}

// runsHere tells whether this node runs a job.
func (s *Service) runsHere(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[id] != nil
}

// isStream says whether a part belongs to the clip in the making.
func isStream(part *multipart.Part) bool {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	return err == nil && params["name"] == StreamPiece && part.Header.Get(secondsHeader) != ""
}

// grow adds a part to the stream and tells watchers of a chunk that they have not been told of.
func (a *attempt) grow(part *multipart.Part) error {
	seconds, err := strconv.ParseFloat(part.Header.Get(secondsHeader), 64)
	if err != nil || !(seconds >= 0) || seconds > 3600 {
		return readError{fmt.Errorf("the answer's chunk lasts %.40q: seconds would do", part.Header.Get(secondsHeader))}
	}
	if a.stream == nil {
		if err := a.beginStream(); err != nil {
			return err
		}
	}
	if err := a.stream.add(part, seconds); err != nil {
		return err
	}
	chunk, err := a.show.grown()
	if err != nil || chunk < 0 {
		return err
	}
	start, all := 0.0, a.stream.now().chunks
	for _, c := range all[:chunk] {
		start += c.Seconds
	}
	a.s.publish(context.WithoutCancel(a.s.ctx), a.id, "chunk", map[string]any{"chunk": chunk, "start": start, "seconds": seconds, "size_bytes": all[chunk].Size})
	return nil
}

// beginStream looks at what earlier attempts have shown before it makes a file of its own.
func (a *attempt) beginStream() (err error) {
	if a.show, err = a.s.shows.make(a.id); err != nil {
		return err
	}
	if a.stream, err = a.s.out.newGrowing(fileName(a.id, a.token, StreamPiece, "video/mp4")); err != nil {
		return err
	}
	a.show.begin(a.stream)
	return nil
}

// keepStream puts the stream's record among a result's pieces.
func (a *attempt) keepStream(r *Result) error {
	if a.stream == nil {
		return nil
	}
	p, err := a.show.keep()
	a.stream = nil
	if err != nil {
		return fmt.Errorf("keeping the stream: %w", err)
	}
	r.Pieces = append(r.Pieces, p)
	return nil
}

// restStream leaves what was shown to the next attempt, or to the end of the job.
func (a *attempt) restStream(full bool) {
	if a.stream == nil {
		return
	}
	a.stream = nil
	if err := a.show.rest(full); err != nil {
		a.s.log.Error("a stream that is not wanted could not be removed", "job", a.id, "error", err)
	}
}
