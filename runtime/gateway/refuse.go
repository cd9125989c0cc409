package gateway

import (
	"encoding/json"
	"net/http"
	"regexp"
)

// lambdaPath is how the paths of Lambda's API begin: with the date of a version.
var lambdaPath = regexp.MustCompile(`^/20[0-9]{2}-[0-9]{2}-[0-9]{2}(/|$)`)

// kinds name the problems that the server itself finds, as the REST API names its own.
var kinds = map[int]string{403: "cross-origin", 404: "not-found", 405: "method-not-allowed", 421: "misdirected", 500: "internal"}

// refuse answers where no API does: in Lambda's shape under Lambda's paths, elsewhere with problem details (RFC 9457).
// Their message repeats detail, for clients that know one form only.
func refuse(w http.ResponseWriter, r *http.Request, p Problem) {
	if lambdaPath.MatchString(r.URL.Path) {
		WriteProblem(w, p)
		return
	}
	b, err := json.Marshal(struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Instance string `json:"instance"`
		Message  string `json:"message"`
	}{"/problems/" + kinds[p.Status], http.StatusText(p.Status), p.Status, p.Message, r.URL.Path, p.Message})
	if err != nil {
		http.Error(w, p.Message, p.Status)
		return
	}
	h := w.Header()
	h.Set("X-Amzn-Errortype", p.Type)
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(b)
}
