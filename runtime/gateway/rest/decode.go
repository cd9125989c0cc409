package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// object is a request's body: first the queue's own settings are taken out of it, what is left is the model's.
type object struct {
	fields  schema.Object
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
	return parseObject(b)
}

// mayBeJSON also takes what curl -d says of any body; the gateway keeps pages of other sites out by their origin.
func mayBeJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json") || t == "application/x-www-form-urlencoded")
}

func parseObject(b []byte) (*object, error) {
	fields, err := schema.Parse(b)
	var bad *schema.InvalidError
	if errors.As(err, &bad) {
		return nil, invalid(http.StatusBadRequest, fieldErrorsOf(bad.Wrong, ""))
	}
	return &object{fields: fields}, err
}

// invalid is an error that blames fields: 400 for what is no request, 422 for one that cannot be done as it is.
func invalid(status int, fields []jobs.FieldError) error {
	return &httpError{status: status, kind: "invalid-request", err: &jobs.InvalidError{Fields: fields}}
}

func fieldErrorsOf(wrong []schema.Wrong, at string) []jobs.FieldError {
	out := make([]jobs.FieldError, len(wrong))
	for i, w := range wrong {
		out[i] = jobs.FieldError{Field: strings.TrimSuffix(at+w.Field, "/"), Detail: w.Detail, Min: w.Min, Max: w.Max}
	}
	return out
}

func (o *object) fail(field, detail string) { o.add(jobs.FieldError{Field: field, Detail: detail}) }

func (o *object) add(e jobs.FieldError) {
	e.Field = o.at + e.Field
	o.errs = append(o.errs, e)
}

// took removes a field and gives its value; false when it is not there.
func (o *object) took(field string) (any, bool) {
	v, ok := o.fields[field]
	delete(o.fields, field)
	return v, ok && v != nil
}

// text takes a string field.
func (o *object) text(field, want string) (s string, ok bool) {
	v, there := o.took(field)
	if !there {
		return "", false
	}
	if s, ok = v.(string); !ok {
		o.add(jobs.Mistyped(field, show(v), want))
	}
	return s, ok
}

// whole takes a number whose zero, left to stand for the default, would not be told from its absence.
func (o *object) whole(field string) (n int64, ok bool) {
	v, there := o.took(field)
	if !there {
		return 0, false
	}
	number, ok := v.(json.Number)
	if n, _ = number.Int64(); !ok {
		o.add(jobs.Mistyped(field, show(v), "a whole number"))
	} else if n == 0 {
		o.add(jobs.Outside(field, n))
	}
	return n, ok
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "of no known form"
	}
	return schema.Show(string(b))
}

// priorities is what a priority may be, in words.
const priorities = `"high", "normal" or "low"`

// settings takes what a submission tells the queue, over what s has already.
func (o *object) settings(s jobs.Submit, hooks func(address string) error) jobs.Submit {
	if text, ok := o.text("priority", priorities); ok {
		if err := s.Priority.UnmarshalText([]byte(text)); err != nil || text == "" {
			o.add(jobs.Mistyped("priority", show(text), priorities))
		}
	}
	if n, ok := o.whole("deadline_seconds"); ok {
		s.Deadline = n
	}
	if n, ok := o.whole("max_attempts"); ok {
		s.MaxAttempts = int(min(n, jobs.MaxTries+1))
	}
	if v, ok := o.took("stream"); ok {
		if s.Stream, ok = v.(bool); !ok {
			o.add(jobs.Mistyped("stream", show(v), "true or false"))
		}
	}
	if text, ok := o.text("version", "a version or an alias"); ok {
		if s.Qualifier = text; !spec.IsQualifier(text) {
			o.fail("version", "version is "+schema.Show(text)+": it must be a version's number, an alias's name or $LATEST.")
		}
	}
	if text, ok := o.text("webhook", "an http(s) address"); ok {
		if s.Webhook = text; hooks(text) != nil {
			o.fail("webhook", "webhook cannot be called: "+gateway.Sentence(hooks(text))+".")
		}
	}
	o.check(s)
	return s
}

// check adds what the settings themselves have wrong; a field that is told already is not told twice.
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
	return invalid(http.StatusUnprocessableEntity, o.errs)
}
