package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
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

// reusable sets the keys of what a request asks: with its seed and without what is drawn, each with its prompt and but for that.
// Nothing is reusable whose end somebody waits for, or which names what a digest of the model does not cover.
func reusable(sch *schema.Schema, m jobs.Model, s *jobs.Submit) {
	var given, kept schema.Object
	if s.Key != "" || s.Webhook != "" || s.Stream || s.Qualifier != "" || m.Identity == "" || json.Unmarshal(s.Given, &given) != nil || json.Unmarshal(s.Kept, &kept) != nil {
		return
	}
	if loras, ok := given[lorasField].([]any); ok && len(loras) > 0 { // files of the server, which change by themselves
		return
	}
	full := maps.Clone(kept) // what is drawn, too
	maps.Copy(full, given)   // and files by their digests
	sch.Fill(full)
	delete(full, "preview") // it changes no clip
	s.Asked, s.Around = digestOf(m, full), around(m, full)
	for _, name := range sch.Properties() {
		if p, _ := sch.Property(name); p.DefaultBy == "random" {
			delete(full, name)
		}
	}
	s.AskedLoose, s.AroundLoose = digestOf(m, full), around(m, full)
}

// around is the digest of a request without its prompt; "" where it has none.
func around(m jobs.Model, full schema.Object) string {
	if text, ok := full[promptField].(string); !ok || strings.TrimSpace(text) == "" {
		return ""
	}
	rest := maps.Clone(full)
	delete(rest, promptField)
	return digestOf(m, rest)
}

// promptField is what a model's prompt is called.
const promptField = "prompt"

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

// keptClip is the answer to a request that was asked before, or nearly: a job whose clip is there.
type keptClip struct {
	job   jobs.Job
	alike float64 // of the prompts; 1: it is the same request
	asked string  // the prompt that was asked for
}

// again finds the clip of an earlier request that asked the same, or where the client takes that, nearly the same; looked says
// whether it was looked for.
func (a *API) again(r *http.Request, sch *schema.Schema, m jobs.Model, given schema.Object, s jobs.Submit) (k *keptClip, looked bool) {
	want := preferences(r)
	exact, loose := s.Asked, s.AskedLoose
	near := s.Around
	if drawn(sch, given) { // another seed each time is what leaving it out means
		if exact = ""; want["cache"] == "any" {
			exact, near = loose, s.AroundLoose
		} else {
			near = ""
		}
	}
	v, asked := want["cache"]
	asked = asked && readable["cache"].is(v)
	least, alike := a.similarity(want)
	forbidden := strings.Contains(r.Header.Get("Cache-Control"), "no-cache") || strings.Contains(r.Header.Get("Cache-Control"), "no-store")
	if a.o.Reuse == ReuseOff || forbidden || !asked && !alike && a.o.Reuse != ReuseAlways || exact == "" {
		return nil, false
	}
	mine := func(j jobs.Job) bool { return sees(r, j.Client) }
	if j, found := a.o.Jobs.Kept(r.Context(), exact, mine); found {
		a.o.Jobs.CountKept(&j, false)
		return &keptClip{job: j, alike: 1}, true
	}
	if prompt, _ := given[promptField].(string); alike && near != "" {
		if all := a.alike(r, m, near, prompt, least, mine); len(all) > 0 {
			a.o.Jobs.CountKept(&all[0].Job, true)
			return &keptClip{all[0].Job, all[0].Similarity, prompt}, true
		}
	}
	a.o.Jobs.CountKept(nil, false)
	return nil, true
}

// similarity is how alike prompts must be for what a client prefers: as much as it says, and never less than the server does.
func (a *API) similarity(want map[string]string) (least float64, ok bool) {
	v, ok := want["similar"]
	if !ok || a.o.Similar <= 0 {
		return 0, false
	}
	n, ok := likeness(v)
	return max(n, a.o.Similar), ok || v == ""
}

// alike gives clips of prompts that are alike. That it cannot look is told in the log, and none is found.
func (a *API) alike(r *http.Request, m jobs.Model, key, prompt string, least float64, may func(jobs.Job) bool) []jobs.Similar {
	all, err := a.o.Jobs.Similar(r.Context(), m, key, prompt, least, may)
	if err != nil && !errors.Is(err, jobs.ErrNoVectors) {
		a.o.Log.Warn("clips of prompts that are alike could not be looked for", "model", m.Name, "error", err)
	}
	return all
}

// reuse answers with a clip that there is, and says whether it is that of another prompt.
func (a *API) reuse(w http.ResponseWriter, r *http.Request, k *keptClip) error {
	w.Header().Set("Location", linksOf(r, k.job).Self)
	w.Header().Set("Cache", "hit")
	if k.alike < 1 || k.asked != "" {
		w.Header().Set("Cache", "similar")
		w.Header().Set("Preference-Applied", "similar="+strconv.FormatFloat(floor(k.alike), 'f', -1, 64))
	} else if v, ok := preferences(r)["cache"]; ok && readable["cache"].is(v) {
		w.Header().Set("Preference-Applied", strings.TrimSuffix("cache="+v, "="))
	}
	if wants(r, k.job.Result.ContentType, "video/*") {
		return a.send(w, r, k.job.ID)
	}
	v := a.noted(r, k.job)
	if k.asked != "" {
		v.Similar = &similarView{Similarity: floor(k.alike), Asked: k.asked}
	}
	return write(w, http.StatusOK, v)
}

// floor leaves four digits of a likeness, and never makes more of it.
func floor(v float64) float64 { return math.Floor(v*1e4) / 1e4 }

// similar is POST /similar: clips that there are of prompts like the request's, which else asked the same.
func (a *API) similar(w http.ResponseWriter, r *http.Request) error {
	f := a.files(a.o.Client(r))
	defer f.drop()
	m, sch, sub, fields, err := a.asked(r, f, func(*http.Request, *schema.Schema, schema.Object) error { return nil })
	if err != nil {
		return err
	}
	out := similarList{Similar: []similarJob{}}
	prompt, _ := fields[promptField].(string)
	key := sub.Around
	if drawn(sch, fields) {
		key = sub.AroundLoose
	}
	if a.o.Reuse == ReuseOff || a.o.Similar <= 0 || key == "" {
		return write(w, http.StatusOK, out)
	}
	mine := func(j jobs.Job) bool { return sees(r, j.Client) }
	if !drawn(sch, fields) {
		if j, same := a.o.Jobs.Kept(r.Context(), sub.Asked, mine); same { // for the very same request nothing has to be read
			out.Similar = append(out.Similar, similarJob{Similarity: 1, Job: a.view(r, j)})
			return write(w, http.StatusOK, out)
		}
	}
	all, err := a.o.Jobs.Similar(r.Context(), m, key, prompt, a.o.Similar, mine)
	if errors.Is(err, jobs.ErrNoVectors) {
		err = nil
	}
	if err != nil {
		return err
	}
	for _, s := range all[:min(len(all), maxOffered)] {
		out.Similar = append(out.Similar, similarJob{Similarity: floor(s.Similarity), Job: a.view(r, s.Job)})
	}
	return write(w, http.StatusOK, out)
}

// maxOffered is how many clips are offered at once.
const maxOffered = 4
