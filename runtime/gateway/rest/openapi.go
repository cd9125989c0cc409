package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// operation documents an endpoint. In and Out hold values of the wire types.
type operation struct {
	ID, Summary, Long, Tag string
	Params                 []param
	In                     any
	Out                    answers
	Fails                  []int
}

type answers map[int]struct {
	Text string
	Body any
}

type param struct{ In, Name, Text, Type string }

// openapi is GET /openapi.json, made from the routes and the wire types.
func (a *API) openapi(w http.ResponseWriter, r *http.Request) error {
	doc := document()
	out := make(map[string]any, len(doc))
	for k, v := range doc {
		out[k] = v
	}
	out["info"] = map[string]any{"title": "VideosDGX", "version": a.o.Version, "description": "Video generation models as jobs.", "license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"}}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	return write(w, http.StatusOK, out)
}

var made struct {
	sync.Once
	doc map[string]any
}

// document is everything but info, which names the server's version.
func document() map[string]any {
	made.Do(func() { made.doc = makeDocument() })
	return made.doc
}

func makeDocument() map[string]any {
	s := &schemas{defs: map[string]any{}}
	paths := map[string]any{}
	add := func(path string, e endpoint) {
		item, ok := paths[path].(map[string]any)
		if !ok {
			item = map[string]any{}
			paths[path] = item
		}
		item[strings.ToLower(e.method)] = describe(s, path, e.doc)
	}
	for _, e := range perModel() {
		add("/v1/models/{model}"+e.path, e)
	}
	for _, e := range global() {
		add(e.path, e)
	}
	return map[string]any{
		"openapi": "3.1.0", "paths": paths, "components": map[string]any{"schemas": s.defs},
		"tags": []any{tag("generate", "Making clips"), tag("jobs", "Following, cancelling and fetching them"), tag("model", "The models themselves")},
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
		op["requestBody"] = map[string]any{"required": true, "content": media("application/json", s.of(o.In))}
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
	out := map[string]any{}
	for code, a := range o.Out {
		r := map[string]any{"description": a.Text}
		switch a.Body.(type) {
		case nil:
		case eventStream:
			r["content"] = media("text/event-stream", map[string]any{"type": "string"})
		case clip:
			r["content"] = media("video/mp4", map[string]any{"type": "string", "contentMediaType": "video/mp4"})
		default:
			r["content"] = media("application/json", s.of(a.Body))
		}
		out[strconv.Itoa(code)] = r
	}
	fails := slices.Clone(o.Fails)
	for _, code := range fails {
		out[strconv.Itoa(code)] = map[string]any{"description": http.StatusText(code), "content": media("application/problem+json", s.of(problem{}))}
	}
	return out
}

func media(kind string, schema any) map[string]any {
	return map[string]any{kind: map[string]any{"schema": schema}}
}
