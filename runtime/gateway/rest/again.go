package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Reuse says when a request that was made before is answered with the clip that there is.
type Reuse string

// The ways. A request can always refuse it with Cache-Control: no-cache.
const (
	ReuseOff    Reuse = "off"
	ReuseAsked  Reuse = "asked"  // where it says Prefer: cache
	ReuseAlways Reuse = "always" // wherever it gives its seed
)

// reusable gives the keys of what a request asks: with its seed, "" where it leaves that to be drawn, and without. Nothing
// is reusable whose end somebody waits for, or which names what a digest of the model does not cover.
func reusable(sch *schema.Schema, m jobs.Model, s jobs.Submit) (exact, loose string) {
	var given, kept schema.Object
	if s.Key != "" || s.Webhook != "" || s.Stream || m.Identity == "" || json.Unmarshal(s.Given, &given) != nil || json.Unmarshal(s.Kept, &kept) != nil {
		return "", ""
	}
	if loras, ok := given["loras"].([]any); ok && len(loras) > 0 { // files of the server, which change by themselves
		return "", ""
	}
	full := maps.Clone(kept) // what is drawn, too
	maps.Copy(full, given)   // and files by their digests
	sch.Fill(full)
	delete(full, "preview") // it changes no clip
	exact = digestOf(m, full)
	for _, name := range sch.Properties() {
		if p, _ := sch.Property(name); p.DefaultBy == "random" {
			delete(full, name)
		}
	}
	return exact, digestOf(m, full)
}

func digestOf(m jobs.Model, full schema.Object) string {
	b, err := json.Marshal([]any{m.Name, m.Identity, full}) // keys of objects are sorted
	var plain any
	if err == nil {
		err = json.Unmarshal(b, &plain) // 5 and 5.0 are one number
	}
	if err == nil {
		b, err = json.Marshal(plain)
	}
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// drawn says whether a request leaves anything to be drawn.
func drawn(sch *schema.Schema, given schema.Object) bool {
	for _, name := range sch.Properties() {
		if p, _ := sch.Property(name); p.DefaultBy == "random" && given[name] == nil {
			return true
		}
	}
	return false
}

// again finds the clip of an earlier request that asked the same; looked says whether it was looked for.
func (a *API) again(r *http.Request, sch *schema.Schema, given schema.Object, s jobs.Submit) (j jobs.Job, found, looked bool) {
	want, asked := preferences(r)["cache"]
	off := a.o.Reuse == ReuseOff || strings.Contains(r.Header.Get("Cache-Control"), "no-cache") || strings.Contains(r.Header.Get("Cache-Control"), "no-store")
	if off || !asked && a.o.Reuse != ReuseAlways || s.Asked == "" {
		return j, false, false
	}
	key := s.Asked
	if drawn(sch, given) {
		if want != "any" { // another seed each time is what leaving it out means
			return j, false, false
		}
		key = s.AskedLoose
	}
	j, found = a.o.Jobs.Kept(r.Context(), key, func(j jobs.Job) bool { return sees(r, j.Client) })
	return j, found, true
}

// reuse answers with a clip that there is.
func (a *API) reuse(w http.ResponseWriter, r *http.Request, j jobs.Job) error {
	w.Header().Set("Location", linksOf(r, j).Self)
	if wantsClip(r) {
		return a.send(w, r, j.ID)
	}
	return write(w, http.StatusOK, a.view(r, j))
}
