package rest

import (
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// operation documents an endpoint. In and Out hold values of the wire types.
type operation struct {
	ID, Summary, Long, Tag string
	Params                 []param
	In                     any
	Example                any // of In
	Out                    answers
	Fails                  []int
}

type answers map[int]answer

type answer struct {
	Text string
	Body any
	Also any // what the body may be instead, by Accept
}

type param struct{ In, Name, Text, Type string }

// openapi is GET /openapi.json, made from the routes and the wire types.
func (a *API) openapi(w http.ResponseWriter, _ *http.Request) error {
	return a.describe(w, wholeDocument())
}

// openapi describes a model's own port: its paths, without the model in them.
func (m *ModelRoutes) openapi(w http.ResponseWriter, _ *http.Request) error {
	return m.api.describe(w, ownDocument())
}

func (a *API) describe(w http.ResponseWriter, doc map[string]any) error {
	out := maps.Clone(doc)
	out["info"] = map[string]any{"title": "VideosDGX", "version": a.o.Version, "description": "Video generation models as jobs.", "license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"}}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	return write(w, http.StatusOK, out)
}

// made keeps the documents, everything but info, which names the server's version.
var made struct{ whole, own onceMade }

type onceMade struct {
	sync.Once
	doc map[string]any
}

func (o *onceMade) get(fill func(*document)) map[string]any {
	o.Do(func() {
		d := newDocument()
		fill(d)
		o.doc = d.whole()
	})
	return o.doc
}

// wholeDocument describes the gateway's own port.
func wholeDocument() map[string]any {
	return made.whole.get(func(d *document) {
		for _, e := range perModel() {
			d.add("/v1/models/{model}"+e.path, e)
		}
		for _, e := range global() {
			d.add(e.path, e)
		}
	})
}

// ownDocument describes a model's own port.
func ownDocument() map[string]any {
	return made.own.get(func(d *document) {
		for _, e := range append(perModel(), ownOpenAPI()) {
			d.add(e.path, e)
		}
	})
}

type document struct {
	schemas *schemas
	paths   map[string]map[string]any
}

func newDocument() *document {
	return &document{&schemas{defs: map[string]any{}, types: map[string]reflect.Type{}}, map[string]map[string]any{}}
}

func (d *document) add(path string, e endpoint) {
	if d.paths[path] == nil {
		d.paths[path] = map[string]any{}
	}
	d.paths[path][strings.ToLower(e.method)] = describe(d.schemas, path, e.doc)
}

func (d *document) whole() map[string]any {
	return map[string]any{
		"openapi": "3.1.0", "paths": d.paths, "webhooks": map[string]any{"jobEnded": map[string]any{"post": webhook(d.schemas)}},
		"components": map[string]any{"schemas": d.schemas.defs},
		"tags":       []any{tag("generate", "Making clips"), tag("jobs", "Following, cancelling and fetching them"), tag("model", "The models themselves")},
	}
}

// webhook describes what a receiver gets.
func webhook(s *schemas) map[string]any {
	header := func(name, text string) any {
		return map[string]any{"in": "header", "name": name, "required": true, "description": text, "schema": map[string]any{"type": "string"}}
	}
	return map[string]any{
		"operationId": "jobEnded", "summary": "A job that came with a webhook has ended", "tags": []string{"jobs"},
		"description": "Signed as Standard Webhooks has it. A receiver that does not answer 2xx is called again, with growing pauses, up to eight times; 410 ends that.",
		"parameters": []any{
			header("Webhook-Id", "The same for every attempt: what was seen before can be dropped"),
			header("Webhook-Timestamp", "Unix seconds of this attempt"),
			header("Webhook-Signature", "v1, and in base64 the HMAC-SHA256 of ID.TIMESTAMP.BODY under the server's webhook secret"),
		},
		"requestBody": map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": s.of(jobs.HookBody{})}}},
		"responses":   map[string]any{"2XX": map[string]any{"description": "Delivered"}, "410": map[string]any{"description": "Nobody wants to hear of this any more"}},
	}
}

func tag(name, text string) any { return map[string]any{"name": name, "description": text} }

func describe(s *schemas, path string, o operation) map[string]any {
	op := map[string]any{"operationId": o.ID, "summary": o.Summary, "tags": []string{o.Tag}, "responses": responses(s, o)}
	if o.Long != "" {
		op["description"] = o.Long
	}
	if ps := parameters(path, o.Params); len(ps) > 0 {
		op["parameters"] = ps
	}
	if o.In != nil {
		body := map[string]any{"schema": s.of(o.In), "example": o.Example}
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": body}}
	}
	return op
}

func parameters(path string, ps []param) (out []any) {
	for _, name := range []string{"model", "id"} {
		if strings.Contains(path, "{"+name+"}") {
			out = append(out, map[string]any{"in": "path", "name": name, "required": true, "schema": map[string]any{"type": "string"}})
		}
	}
	for _, p := range ps {
		out = append(out, map[string]any{"in": p.In, "name": p.Name, "description": p.Text, "schema": map[string]any{"type": p.Type}})
	}
	return out
}

func responses(s *schemas, o operation) map[string]any {
	out := map[string]any{"default": failure(s, "Anything else that went wrong")}
	for code, a := range o.Out {
		r := map[string]any{"description": a.Text}
		content := map[string]any{}
		for _, body := range []any{a.Body, a.Also} {
			if body != nil {
				kind, schema := contentOf(s, body)
				content[kind] = map[string]any{"schema": schema}
			}
		}
		if len(content) > 0 {
			r["content"] = content
		}
		out[strconv.Itoa(code)] = r
	}
	for _, code := range o.Fails {
		out[strconv.Itoa(code)] = failure(s, http.StatusText(code))
	}
	return out
}

func failure(s *schemas, text string) map[string]any {
	return map[string]any{"description": text, "content": map[string]any{"application/problem+json": map[string]any{"schema": s.of(problem{})}}}
}

// contentOf gives a body's media type and schema.
func contentOf(s *schemas, body any) (string, any) {
	switch body.(type) {
	case eventStream:
		return "text/event-stream", map[string]any{"type": "string"}
	case clip:
		return "video/mp4", map[string]any{"type": "string", "contentMediaType": "video/mp4"}
	case prometheusText:
		return "text/plain", map[string]any{"type": "string"}
	case anObject:
		return "application/json", map[string]any{"type": "object"}
	}
	return "application/json", s.of(body)
}
