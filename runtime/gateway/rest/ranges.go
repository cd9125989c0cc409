package rest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// serveRanges answers with content, or with the ranges of it that are asked for. One that lies outside is told in problem details.
func serveRanges(w http.ResponseWriter, r *http.Request, name string, changed time.Time, content io.ReadSeeker) error {
	if unit, rest, _ := strings.Cut(r.Header.Get("Range"), "="); strings.EqualFold(unit, "bytes") {
		r.Header.Set("Range", "bytes="+rest)
	} else {
		r.Header.Del("Range") // RFC 9110, 14.2: of a unit that is not known nothing is asked
	}
	outside := &refusing{ResponseWriter: w, refused: r.Header.Get("Range") == "bytes=-0"} // none of its last bytes
	if !outside.refused {
		http.ServeContent(outside, r, name, changed, content)
	}
	if !outside.refused {
		return nil
	}
	h := w.Header()
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	h.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	for _, of := range []string{"Content-Type", "Content-Disposition", "Cache-Control", "ETag", "Last-Modified", "Repr-Digest"} { // the content, not the refusal
		h.Del(of)
	}
	return &httpError{status: http.StatusRequestedRangeNotSatisfiable, err: fmt.Errorf("the range %.60q lies outside the %d bytes that there are: ask for one that begins before, or without Range for all", r.Header.Get("Range"), size)}
}

// refusing keeps back the answer to a range that lies outside.
type refusing struct {
	http.ResponseWriter
	refused bool
}

func (w *refusing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *refusing) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *refusing) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets files go to the connection without a copy.
func (w *refusing) ReadFrom(r io.Reader) (int64, error) {
	if w.refused {
		return io.Copy(io.Discard, r)
	}
	return io.Copy(w.ResponseWriter, r)
}
