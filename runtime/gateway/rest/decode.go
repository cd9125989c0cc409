package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// object is a JSON object whose fields are read one by one, so that everything wrong is found at once.
type object struct {
	fields  map[string]json.RawMessage
	at      string // pointer of the object, "" or "requests/3/"
	errs    []jobs.FieldError
	tooMany bool // a batch whose items are not looked at
}

func readObject(r *http.Request, limit int64) (*object, error) {
	if ct := r.Header.Get("Content-Type"); !mayBeJSON(ct) {
		return nil, &httpError{status: http.StatusUnsupportedMediaType, err: fmt.Errorf("the body is %s: send application/json", ct)}
	}
	b, err := gateway.ReadBody(r, limit, "the request body")
	if err != nil {
		return nil, err
	}
	return parseObject(b, "")
}

// mayBeJSON also takes what curl -d says of any body; the gateway keeps pages of other sites out by their origin.
func mayBeJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json") || t == "application/x-www-form-urlencoded")
}

func parseObject(b []byte, at string) (*object, error) {
	o := &object{at: at}
	if !utf8.Valid(b) {
		return nil, invalid(strings.TrimSuffix(at, "/"), "the body is not valid UTF-8: send JSON in UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&o.fields); err != nil || o.fields == nil {
		return nil, invalid(strings.TrimSuffix(at, "/"), "the body is not a JSON object: "+whatsWrong(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid(strings.TrimSuffix(at, "/"), "the body has something after its JSON object.")
	}
	return o, nil
}

func whatsWrong(err error) string {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return "it is null."
	case errors.Is(err, io.EOF):
		return "it is empty."
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v at byte %d.", syntax, syntax.Offset)
	}
	return err.Error() + "."
}

func invalid(field, detail string) error {
	return &jobs.InvalidError{Fields: []jobs.FieldError{{Field: field, Detail: detail}}}
}

func (o *object) fail(field, detail string) { o.add(jobs.FieldError{Field: field, Detail: detail}) }

func (o *object) add(e jobs.FieldError) {
	e.Field = o.at + e.Field
	o.errs = append(o.errs, e)
}

// take reads one field into v and removes it; null and absent leave v alone.
func take[T any](o *object, field string, v *T, want string) {
	raw, ok := o.fields[field]
	delete(o.fields, field)
	if !ok || string(raw) == "null" {
		return
	}
	if err := json.Unmarshal(raw, v); err != nil {
		o.add(jobs.Mistyped(field, short(raw), want))
	}
}

// given reads a whole number whose zero, left to stand for the default, would not be told from its absence.
func given[T int | int64](o *object, field string, dst *T) {
	v := optional[T](o, field, anInt)
	if v == nil {
		return
	}
	if *dst = *v; *v == 0 {
		o.add(jobs.Outside(field, *v))
	}
}

// optional reads a field whose absence matters.
func optional[T any](o *object, field string, want string) *T {
	raw, ok := o.fields[field]
	if !ok || string(raw) == "null" {
		delete(o.fields, field)
		return nil
	}
	v, before := new(T), len(o.errs)
	if take(o, field, v, want); len(o.errs) > before {
		return nil
	}
	return v
}

func short(raw []byte) string {
	if len(raw) > 40 {
		return strings.ToValidUTF8(string(raw[:40]), "") + "…"
	}
	return string(raw)
}

const (
	aString  = "a string"
	anInt    = "a whole number"
	aNumber  = "a number"
	aBool    = "true or false"
	aList    = "a list of strings"
	aLevel   = `"high", "normal" or "low"`
	maxNamed = 20 // unknown fields that an error lists
)

// submission reads the fields of one generate request, over what base has already.
func (o *object) submission(s jobs.Submit) jobs.Submit {
	q := &s.Request
	take(o, "prompt", &q.Prompt, aString)
	over(&q.NegativePrompt, optional[string](o, "negative_prompt", aString))
	over(&q.Width, optional[int](o, "width", anInt))
	over(&q.Height, optional[int](o, "height", anInt))
	over(&q.NumFrames, optional[int](o, "num_frames", anInt))
	over(&q.FPS, optional[float64](o, "fps", aNumber))
	over(&q.Steps, optional[int](o, "num_inference_steps", anInt))
	over(&q.Guidance, optional[float64](o, "guidance_scale", aNumber))
	over(&q.Seed, optional[int64](o, "seed", anInt))
	take(o, "image", &q.Image, aString)
	take(o, "preview", &q.Preview, aBool)
	take(o, "priority", &s.Priority, aLevel)
	given(o, "deadline_seconds", &s.Deadline)
	given(o, "max_attempts", &s.MaxAttempts)
	take(o, "webhook", &s.Webhook, aString)
	return s
}

func over[T any](dst **T, v *T) {
	if v != nil {
		*dst = v
	}
}

// unknown complains of what nobody took: a misspelt field must not be lost silently.
func (o *object) unknown() {
	var left []string
	for f := range o.fields {
		left = append(left, f)
	}
	slices.Sort(left)
	for i, f := range left {
		if i == maxNamed {
			break
		}
		name := strings.ToValidUTF8(short([]byte(f)), "")
		o.fail(pointerEscape.Replace(name), fmt.Sprintf("%s is not a field of this request: GET /openapi.json lists them.", name))
	}
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// check adds what the values themselves have wrong; a field that is of the wrong type already is not told twice.
func (o *object) check(s jobs.Submit) {
	told := map[string]bool{}
	for _, e := range o.errs {
		told[e.Field] = true
	}
	for _, e := range s.Validate() {
		if e.Field = o.at + e.Field; !told[e.Field] {
			o.errs = append(o.errs, e)
		}
	}
}

func (o *object) err() error {
	if len(o.errs) == 0 {
		return nil
	}
	return &jobs.InvalidError{Fields: o.errs}
}
