package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"strconv"
	"sync"

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

// Stream is a clip's head and chunks as far as they are there.
type Stream struct {
	Head   int64 // bytes of the head; 0: nothing is there yet
	Chunks []Chunk
	Ended  bool // no more come
	path   string
}

// Range is where a chunk lies in the stream: −1 is the head.
func (s Stream) Range(chunk int) (at, size int64) {
	if chunk < 0 {
		return 0, s.Head
	}
	at = s.Head
	for _, c := range s.Chunks[:chunk] {
		at += c.Size
	}
	return at, s.Chunks[chunk].Size
}

// Open opens what is there; the caller closes it. Chunks that come later can be read from it too.
func (s Stream) Open() (*os.File, error) { return os.Open(s.path) }

// Stream gives the chunks of a job, while it runs and afterwards. NotFound is a job without any: it has not come so far, does not
// stream, or retention took them.
func (s *Service) Stream(ctx context.Context, id string) (Stream, error) {
	s.mu.Lock()
	g := s.streams[id]
	s.mu.Unlock()
	if g != nil {
		return g.now(), nil
	}
	j, err := s.Get(ctx, id)
	if err != nil {
		return Stream{}, err
	}
	if j.Result != nil && !j.Result.Removed {
		for _, p := range j.Result.Pieces {
			if p.Name == StreamPiece {
				return Stream{Head: p.Head, Chunks: p.Chunks, Ended: true, path: filepath.Join(s.out.dir, filepath.Base(p.File))}, nil
			}
		}
	}
	return Stream{}, fmt.Errorf("job %s is %s and has no chunks to show: ask for them with \"stream\": true: %w", id, j.State, errdefs.ErrNotFound)
}

// Continues tells whether s is what an earlier look gave, grown: one attempt's. A name carries its claim's token.
func (s Stream) Continues(earlier Stream) bool {
	return filepath.Base(s.path) == filepath.Base(earlier.path)
}

// Streams tells whether a running job has chunks to show.
func (s *Service) Streams(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[id] != nil
}

// growing is a stream's file in the making.
type growing struct {
	mu     sync.Mutex
	name   string
	path   string
	file   *os.File
	sum    hash.Hash
	size   int64
	head   int64
	chunks []Chunk
	ended  bool
}

func (g *growing) now() Stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stream{Head: g.head, Chunks: g.chunks[:len(g.chunks):len(g.chunks)], Ended: g.ended, path: g.path}
}

// isStream says whether a part belongs to the clip in the making.
func isStream(part *multipart.Part) bool {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	return err == nil && params["name"] == StreamPiece && part.Header.Get(secondsHeader) != ""
}

// grow adds a part to the stream and tells watchers of a chunk.
func (a *attempt) grow(part *multipart.Part) error {
	seconds, err := strconv.ParseFloat(part.Header.Get(secondsHeader), 64)
	if err != nil || !(seconds >= 0) || seconds > 3600 {
		return readError{fmt.Errorf("the answer's chunk lasts %.40q: seconds would do", part.Header.Get(secondsHeader))}
	}
	if a.stream == nil {
		if a.stream, err = a.s.out.newGrowing(fileName(a.id, a.token, StreamPiece, "video/mp4")); err != nil {
			return err
		}
	}
	chunk, err := a.stream.add(part, seconds)
	if err != nil {
		return err
	}
	if chunk < 0 {
		return nil
	}
	a.s.mu.Lock()
	a.s.streams[a.id] = a.stream
	a.s.mu.Unlock()
	st := a.stream.now()
	start := 0.0
	for _, c := range st.Chunks[:chunk] {
		start += c.Seconds
	}
	a.s.publish(context.WithoutCancel(a.s.ctx), a.id, "chunk", map[string]any{"chunk": chunk, "start": start, "seconds": seconds, "size_bytes": st.Chunks[chunk].Size})
	return nil
}

func (o *outputs) newGrowing(name string) (*growing, error) {
	g := &growing{name: name, path: filepath.Join(o.dir, partialDir, name), sum: sha256.New()}
	var err error
	if g.file, err = os.OpenFile(g.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, fmt.Errorf("creating the stream's file: %w", err)
	}
	return g, nil
}

// add writes a part and gives the chunk that it is, −1 for the head.
func (g *growing) add(r io.Reader, seconds float64) (int, error) {
	n, err := io.Copy(io.MultiWriter(g.file, g.sum), readMarked{r})
	if err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size += n
	switch {
	case n == 0 || len(g.chunks) == maxChunks:
		return 0, readError{errors.New("the answer has an empty chunk, or too many")}
	case g.head == 0:
		g.head = n
		return -1, nil
	}
	g.chunks = append(g.chunks, Chunk{n, seconds})
	return len(g.chunks) - 1, nil
}

// readMarked tells the function's errors from the disk's.
type readMarked struct{ io.Reader }

func (r readMarked) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = readError{err}
	}
	return n, err
}

// close makes the stream durable and gives its record.
func (a *attempt) closeStream() (Piece, error) {
	g := a.stream
	err := errors.Join(g.file.Sync(), g.file.Close())
	final := filepath.Join(a.s.out.dir, g.name)
	if err == nil {
		err = a.s.out.publish(g.path, final)
	}
	if err != nil {
		return Piece{}, fmt.Errorf("keeping the stream: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.path, g.ended = final, true
	return Piece{Name: StreamPiece, File: g.name, Size: g.size, SHA256: hex.EncodeToString(g.sum.Sum(nil)), ContentType: "video/mp4", Head: g.head, Chunks: g.chunks}, nil
}

// dropStream removes a stream that comes to nothing. Who reads it keeps what is open.
func (a *attempt) dropStream() {
	if a.stream == nil {
		return
	}
	a.s.mu.Lock()
	delete(a.s.streams, a.id)
	a.s.mu.Unlock()
	a.stream.file.Close()
	if err := removeIfThere(a.stream.path); err != nil {
		a.s.log.Error("a stream that is not wanted could not be removed", "job", a.id, "error", err)
	}
	a.stream = nil
}
