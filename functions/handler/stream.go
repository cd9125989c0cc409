package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"github.com/videosdgx/videosdgx/functions/media"
)

// stream makes a clip and streams its file, which goes away with the answer.
func (h *Handler) stream(ctx context.Context, r Request) (any, error) {
	f, res, err := h.generate(ctx, r, sink{})
	if err != nil {
		return nil, err
	}
	return clipAnswer(f, res)
}

func clipAnswer(f *media.File, res Result) (any, error) {
	file, err := os.Open(f.Path)
	remove(f) // the open file stays readable
	if err != nil {
		return nil, fmt.Errorf("the clip has gone: %w", err)
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusOK, Headers: headers(f, res), Body: file}, nil
}

// parts is stream with what the model gave beside the clip: the clip first, then a part for each piece. A clip alone is not
// wrapped.
func (h *Handler) parts(ctx context.Context, r Request) (any, error) {
	f, res, err := h.generate(ctx, r, sink{})
	if err != nil {
		return nil, err
	}
	if len(res.Pieces) == 0 {
		return clipAnswer(f, res)
	}
	defer remove(f)
	all, err := os.CreateTemp(h.scratch, "answer-*")
	if err != nil {
		return nil, fmt.Errorf("cannot put the answer together: %w", err)
	}
	os.Remove(all.Name()) // the open file stays readable
	heads := headers(f, res)
	w := multipart.NewWriter(all)
	heads["Content-Type"] = mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": w.Boundary()})
	delete(heads, "Content-Disposition")
	if err = writeParts(w, f, res.Pieces); err == nil {
		var size int64
		size, err = all.Seek(0, io.SeekEnd)
		heads["Content-Length"] = strconv.FormatInt(size, 10)
	}
	if err == nil {
		_, err = all.Seek(0, io.SeekStart)
	}
	if err != nil {
		all.Close()
		return nil, fmt.Errorf("cannot put the answer together: %w", err)
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusOK, Headers: heads, Body: all}, nil
}

func writeParts(w *multipart.Writer, f *media.File, pieces []ResultPiece) error {
	clip, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer clip.Close()
	part, err := w.CreatePart(partHead("clip", f.Type, clipName(f.Type)))
	if err == nil {
		_, err = io.Copy(part, clip)
	}
	for _, p := range pieces {
		if err == nil {
			if part, err = w.CreatePart(partHead(p.Name, p.ContentType, p.Filename)); err == nil {
				_, err = part.Write(p.Data)
			}
		}
	}
	return errors.Join(err, w.Close())
}

func partHead(name, mediaType, filename string) textproto.MIMEHeader {
	if filename == "" {
		filename = name
	}
	return textproto.MIMEHeader{"Content-Type": {mediaType},
		"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"name": name, "filename": filename})}}
}

// asItComes answers with the first piece of the clip, and goes on while the answer is read.
func (h *Handler) asItComes(ctx context.Context, r Request) (any, error) {
	heads := map[string]string{"Content-Type": "video/mp4", "Content-Disposition": `inline; filename="clip.mp4"`}
	return h.whileMade(r, heads, func(w io.Writer, begin func()) error {
		sent := 0
		_, _, err := h.generate(ctx, r, sink{piece: func(mp4 []byte, _ int) error {
			begin()
			sent += len(mp4)
			fill := media.Filler(sent)
			sent += len(fill)
			_, err := w.Write(append(mp4, fill...))
			return err
		}})
		return err
	})
}

// whileMade answers with what write writes, from when it says that it begins. What fails before that has a status of its own;
// what fails later ends the answer, and who stops reading ends write.
func (h *Handler) whileMade(r Request, heads map[string]string, write func(w io.Writer, begin func()) error) (any, error) {
	out, in := io.Pipe()
	began, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		err := write(in, sync.OnceFunc(func() { close(began) }))
		if err != nil {
			h.logFailure(err)
		}
		failed <- err
		in.CloseWithError(err) // nil is the end of the answer
	}()
	select {
	case <-began:
	case err := <-failed:
		if err != nil {
			return nil, err
		}
	}
	heads["X-Videosdgx-Model"], heads["X-Videosdgx-Seed"] = h.d.Name, strconv.FormatInt(r.Seed, 10)
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusOK, Body: out, Headers: heads}, nil
}
