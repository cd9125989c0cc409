package rest

import (
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// download is GET /jobs/{id}/download.
func (a *API) download(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	if _, err := yesNo(r, "inline"); err != nil {
		return err
	}
	return a.send(w, r, j.ID)
}

// yesNo reads a parameter that is true or false.
func yesNo(r *http.Request, name string) (bool, error) {
	q := r.URL.Query()
	if v := q.Get(name); q.Has(name) && v != "true" && v != "false" {
		return false, invalid(http.StatusBadRequest, []jobs.FieldError{jobs.Mistyped(name, show(v), "true or false")})
	}
	return q.Get(name) == "true", nil
}

func (a *API) send(w http.ResponseWriter, r *http.Request, id string) error {
	f, j, err := a.opened(r, id)
	if err != nil {
		return err
	}
	defer f.Close()
	if kind := plainType(j.Result.ContentType); r.Method != http.MethodPost && kind != "" && !gateway.Acceptable(r, kind) {
		return notAcceptable(r, kind+" would do: that is what the file is")
	}
	kind := "attachment"
	if inline, _ := yesNo(r, "inline"); inline {
		kind = "inline"
	}
	name := clipName(j)
	h := w.Header()
	h.Set("Content-Type", j.Result.ContentType)
	h.Set("Content-Disposition", mime.FormatMediaType(kind, map[string]string{"filename": name}))
	h.Set("ETag", `"`+j.Result.SHA256+`"`)
	h.Set("Repr-Digest", reprDigest(j.Result.SHA256))
	gateway.Confine(h, false)
	h.Set("Cache-Control", forGood)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	if r.Method == http.MethodPost {
		r = r.Clone(r.Context()) // a clip as the answer of generate has no ranges and no conditions
		r.Method, r.Header = http.MethodGet, http.Header{}
	}
	return serveRanges(w, r, name, j.Finished, f)
}

// opened gives a job's clip, or the piece that ?piece= names.
func (a *API) opened(r *http.Request, id string) (*os.File, jobs.Job, error) {
	if name := r.URL.Query().Get("piece"); name != "" {
		return a.o.Jobs.OpenPiece(r.Context(), id, name)
	}
	return a.o.Jobs.Open(r.Context(), id)
}

// clipName makes a file name of the model and the prompt: letters and digits only, so that no client is led astray.
func clipName(j jobs.Job) string {
	var b strings.Builder
	for _, c := range strings.ToLower(j.Prompt()) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 48 {
			break
		}
	}
	slug := strings.Trim(b.String(), "-")
	if slug != "" {
		slug += "-"
	}
	return slug + j.ID[len(j.ID)-8:] + j.Result.File[strings.LastIndexByte(j.Result.File, '.'):]
}
