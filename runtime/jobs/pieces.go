package jobs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"regexp"

	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// Piece is what a function gave beside its clip: sound, a finished chunk, a picture.
type Piece struct {
	Name        string `json:"name"` // the function's word for it, unique in its job
	File        string `json:"file"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	ContentType string `json:"contentType"`
	// Of the piece called StreamPiece: where its chunks end.
	Head   int64   `json:"head,omitempty"`
	Chunks []Chunk `json:"chunks,omitempty"`
	// Earlier are what attempts before have shown, where its chunks are others.
	Earlier []Shown `json:"earlier,omitempty"`
	Line    string  `json:"line,omitempty"` // the file that its readers began with, where that is another one of the same bytes
}

const (
	inParts   = "multipart/mixed"
	maxPieces = 64
)

var pieceForm = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// files are all that a result holds.
func (r *Result) files() []string {
	out := []string{r.File}
	for _, p := range r.Pieces {
		out = append(out, p.File)
		for _, e := range p.Earlier {
			out = append(out, e.File)
		}
	}
	return out
}

// bytes is the size of all that a result holds.
func (r *Result) bytes() int64 {
	n := r.Size
	for _, p := range r.Pieces {
		n += p.Size
		for _, e := range p.Earlier {
			n += e.Size
		}
	}
	return n
}

// Piece gives the result as that of one of its pieces alone; false when it has none of that name.
func (r Result) Piece(name string) (Result, bool) {
	for _, p := range r.Pieces {
		if p.Name == name {
			return Result{File: p.File, Size: p.Size, SHA256: p.SHA256, ContentType: p.ContentType, Removed: r.Removed}, true
		}
	}
	return r, false
}

// saveAnswer writes an answer's body: one file, or where it comes in parts the clip first and then its pieces. On an error
// nothing remains. read is how many bytes the body had.
func (a *attempt) saveAnswer(ctx context.Context, h urlevent.Head, body io.Reader) (file *Result, read int64, err error) {
	media := mediaType(h.Headers)
	count := &counted{r: body}
	if media != inParts {
		file, err = a.s.out.save(ctx, fileName(a.id, a.token, "", media), media, count)
		return file, count.n, err
	}
	_, params, _ := mime.ParseMediaType(header(h.Headers, "Content-Type")) // mediaType has read it
	file, err = a.saveParts(ctx, multipart.NewReader(bufio.NewReader(count), params["boundary"]))
	if err == nil {
		_, err = io.Copy(io.Discard, count) // what follows the last part
	}
	if err == nil && !bytes.Contains(count.tail, []byte("--"+params["boundary"]+"--")) {
		err = readError{errors.New("the answer's parts end in the middle")} // the library takes an end in a part's head for the end
	}
	if err != nil {
		a.drop(file)
		return nil, count.n, err
	}
	return file, count.n, nil
}

func (a *attempt) saveParts(ctx context.Context, parts *multipart.Reader) (file *Result, err error) {
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return file, nil
		case err != nil:
			return file, readError{fmt.Errorf("the answer's parts cannot be read: %w", err)}
		case n > maxPieces:
			return file, readError{fmt.Errorf("the answer has more than %d pieces", maxPieces)}
		case n == 0 && isStream(part):
			if err := a.grow(part); err != nil {
				return file, err
			}
			n-- // chunks come before the clip, however many
			continue
		}
		kind := partType(part.Header)
		if n == 0 {
			file, err = a.s.out.save(ctx, fileName(a.id, a.token, "", kind), kind, part)
		} else {
			err = a.savePiece(ctx, file, part, kind)
		}
		if err != nil {
			return file, err
		}
	}
}

func (a *attempt) savePiece(ctx context.Context, of *Result, part *multipart.Part, kind string) error {
	_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	name := params["name"]
	if _, twice := of.Piece(name); twice || !pieceForm.MatchString(name) {
		return readError{fmt.Errorf("the answer's piece %.40q has no name of its own: letters, digits, - and _, at most 32", name)}
	}
	one, err := a.s.out.save(ctx, fileName(a.id, a.token, name, kind), kind, part)
	if err != nil {
		return err
	}
	of.Pieces = append(of.Pieces, Piece{Name: name, File: one.File, Size: one.Size, SHA256: one.SHA256, ContentType: kind})
	return nil
}

func partType(h textproto.MIMEHeader) string {
	if t, _, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil {
		return t
	}
	return "application/octet-stream"
}

// counted counts what is read.
type counted struct {
	r    io.Reader
	n    int64
	tail []byte // the last that was read, enough for a boundary
}

const maxTail = 512

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.tail = append(c.tail, p[max(0, n-maxTail):n]...)
	c.tail = c.tail[max(0, len(c.tail)-maxTail):]
	return n, err
}
