package rest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// serveRanges answers with content, or with the ranges of it that are asked for. One that lies outside is told in problem details.
func serveRanges(w http.ResponseWriter, r *http.Request, name string, changed time.Time, content io.ReadSeeker) error {
	asked := r.Header.Get("Range")
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if unit, rest, _ := strings.Cut(asked, "="); strings.EqualFold(unit, "bytes") && r.Method == http.MethodGet {
		r.Header.Set("Range", "bytes="+some(rest, size))
	} else {
		r.Header.Del("Range") // RFC 9110, 14.2: of a unit that is not known, or with another method, nothing is asked
	}
	outside := &refusing{ResponseWriter: w}
	http.ServeContent(outside, r, name, changed, content)
	if !outside.refused {
		return nil
	}
	h := w.Header()
	h.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	for _, of := range []string{"Content-Type", "Content-Disposition", "Cache-Control", "ETag", "Last-Modified", "Repr-Digest"} { // the content, not the refusal
		h.Del(of)
	}
	return &httpError{status: http.StatusRequestedRangeNotSatisfiable, err: fmt.Errorf("the range %.60q lies outside the %d bytes that there are: ask for one that begins before, or without Range for all", asked, size)}
}

// some leaves out of ranges those of none of the last bytes, which nothing satisfies. Where there are no others it gives one that lies
// outside, so that conditions are looked at first.
func some(ranges string, size int64) string {
	all := slices.DeleteFunc(strings.Split(ranges, ","), func(one string) bool {
		zeros, last := strings.CutPrefix(strings.TrimSpace(one), "-")
		return last && zeros != "" && strings.Trim(zeros, "0") == ""
	})
	if len(all) == 0 {
		return fmt.Sprintf("%d-", size)
	}
	return strings.Join(all, ",")
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
