package jobs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// reel is the file of one attempt's head and chunks, one behind the other. What is written of it is never written again.
type reel struct {
	name string // carries the attempt's token

	mu     sync.Mutex
	path   string // "": the bytes are gone
	heir   *reel  // begins with the same bytes and has taken its place
	head   int64  // bytes of the head; 0: nothing is there yet
	chunks []Chunk
}

// look is what there is of a reel at a moment.
type look struct {
	of     *reel
	head   int64
	chunks []Chunk
}

func (r *reel) now() look {
	r.mu.Lock()
	defer r.mu.Unlock()
	return look{r, r.head, r.chunks[:len(r.chunks):len(r.chunks)]}
}

// open opens the file where it lies now: nothing moves it in the meantime.
func (r *reel) open() (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heir != nil {
		return r.heir.open()
	}
	if r.path == "" {
		return nil, os.ErrNotExist
	}
	return os.Open(r.path)
}

// move gives the file its place for good.
func (r *reel) move(o *outputs, final string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := o.publish(r.path, final); err != nil {
		return err
	}
	r.path = final
	return removeIfThere(indexOf(o.dir, r.name))
}

// leave removes the file and its index. Who has it open keeps it; who opens it later gets heir's, where there is one.
func (r *reel) leave(dir string, heir *reel) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := r.path
	r.path, r.heir = "", heir
	if path == "" {
		return nil
	}
	return errors.Join(removeIfThere(path), removeIfThere(indexOf(dir, r.name)))
}

// empty removes the file's bytes only: how many chunks have been shown stays known.
func (r *reel) empty() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := r.path
	r.path = ""
	if path == "" {
		return nil
	}
	return removeIfThere(path)
}

func (r *reel) gone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.path == "" && r.heir == nil
}

// place is where a chunk lies: −1 is the head.
func (l look) place(chunk int) (at, size int64) {
	if chunk < 0 {
		return 0, l.head
	}
	at = l.head
	for _, c := range l.chunks[:chunk] {
		at += c.Size
	}
	return at, l.chunks[chunk].Size
}

// growing is a reel that an attempt writes.
type growing struct {
	reel
	file  *os.File
	index *os.File
	sum   hash.Hash
	size  int64
}

// streamTail and indexTail end the names of a stream's file and of its index: a line of JSON for the head and for each chunk, so that
// whoever comes after a crash knows what players have been shown.
const (
	streamTail = "." + StreamPiece + ".mp4"
	indexTail  = "." + StreamPiece + ".index"
)

func indexOf(dir, name string) string {
	return filepath.Join(dir, partialDir, strings.TrimSuffix(name, streamTail)+indexTail)
}

func (o *outputs) newGrowing(name string) (g *growing, err error) {
	g = &growing{reel: reel{name: name, path: filepath.Join(o.dir, partialDir, name)}, sum: sha256.New()}
	for _, f := range []struct {
		to   **os.File
		path string
	}{{&g.file, g.path}, {&g.index, indexOf(o.dir, name)}} {
		if *f.to, err = os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			g.close()
			return nil, errors.Join(fmt.Errorf("creating the stream's file: %w", err), g.leave(o.dir, nil))
		}
	}
	return g, nil
}

// add writes a part; the first is the head.
func (g *growing) add(r io.Reader, seconds float64) error {
	n, err := io.Copy(io.MultiWriter(g.file, g.sum), readMarked{r})
	if err != nil {
		return err
	}
	if n == 0 || len(g.chunks) == maxChunks {
		return readError{errors.New("the answer has an empty chunk, or too many")}
	}
	line, err := json.Marshal(Chunk{n, seconds})
	if err == nil {
		_, err = g.index.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the stream's index: %w", err)
	}
	g.size += n
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.head == 0 {
		g.head = n
	} else {
		g.chunks = append(g.chunks, Chunk{n, seconds})
	}
	return nil
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

// digest is of all that was written.
func (g *growing) digest() string { return hex.EncodeToString(g.sum.Sum(nil)) }

// close closes the files that are open.
func (g *growing) close() {
	for _, f := range []*os.File{g.file, g.index} {
		if f != nil {
			f.Close()
		}
	}
}

// readReel reads what an attempt has left: nil where it came to no chunk. A file that is shorter than its index says was cut off with
// its machine.
func readReel(dir, name string) (*reel, error) {
	raw, err := os.ReadFile(indexOf(dir, name))
	if err != nil {
		return nil, err
	}
	r := &reel{name: name, path: filepath.Join(dir, partialDir, name)}
	var have int64
	if info, err := os.Stat(r.path); err == nil {
		have = info.Size()
	} else {
		r.path = ""
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		var c Chunk
		if json.Unmarshal(lines.Bytes(), &c) != nil || c.Size <= 0 {
			break // the line that was being written
		}
		if have -= c.Size; have < 0 && r.path != "" {
			break
		}
		if r.head == 0 {
			r.head = c.Size
		} else {
			r.chunks = append(r.chunks, c)
		}
	}
	if len(r.chunks) == 0 {
		return nil, nil
	}
	return r, nil
}

// equal tells whether two reels have the same bytes in a place.
func equal(a, b look, chunk int) (bool, error) {
	at, size := a.place(chunk)
	other, length := b.place(chunk)
	if size != length {
		return false, nil
	}
	f, err := a.of.open()
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := b.of.open()
	if err != nil {
		return false, err
	}
	defer g.Close()
	return sameBytes(io.NewSectionReader(f, at, size), io.NewSectionReader(g, other, size))
}

func sameBytes(a, b io.Reader) (bool, error) {
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, x)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return false, err
		}
		if _, rerr := io.ReadFull(b, y[:n]); rerr != nil {
			return false, rerr
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
		if err != nil {
			return true, nil
		}
	}
}
