package rest

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// operation documents an endpoint. In and Out hold values of the wire types.
type operation struct {
	ID, Summary, Long, Tag string
	Params                 []param
	In                     any
	Example                any // of In
	Out                    responses
	Fails                  []int
}

type responses map[int]response

type response struct {
	Text string
	Body any
	Also any // what the body may be instead, by Accept
}

type param struct {
	In, Name, Text string
	Schema         any // nil: any text
}

// openapi is GET /openapi.json, made from the routes, the wire types and the models' schemas.
func (a *API) openapi(w http.ResponseWriter, r *http.Request) error {
	all, err := jobs.Latest(r.Context(), a.o.Models)
	if err != nil {
		return err
	}
	return a.describe(w, a.wholeDocument(all))
}

// openapi describes a model's own port: its paths, without the model in them.
func (m *ModelRoutes) openapi(w http.ResponseWriter, r *http.Request) error {
	one, err := m.api.o.Models.Model(r.Context(), m.name)
	if err != nil {
		return err
	}
	return m.api.describe(w, m.api.ownDocument(one))
}

func (a *API) describe(w http.ResponseWriter, doc map[string]any) error {
	doc["info"] = map[string]any{"title": "VideosDGX", "version": a.o.Version, "description": "Video generation models as jobs.", "license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"}}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	return write(w, http.StatusOK, doc)
}

// wholeDocument describes the gateway's own port.
func (a *API) wholeDocument(all []jobs.Model) map[string]any {
	d := newDocument()
	d.requests(a, all)
	for _, e := range perModel() {
		d.add("/v1/models/{model}"+e.path, e)
	}
	for _, e := range a.global() {
		d.add(e.path, e)
	}
	return d.whole()
}

// ownDocument describes a model's own port.
func (a *API) ownDocument(m jobs.Model) map[string]any {
	d := newDocument()
	d.requests(a, []jobs.Model{m})
	for _, e := range append(perModel(), ownOpenAPI()) {
		d.add(e.path, e)
	}
	return d.whole()
}

type document struct {
	schemas    *schemas
	paths      map[string]map[string]any
	one, batch []any          // references to what the models take
	files      map[string]any // the fields of any that take a file, as parts of a form
}

// requests defines what each model takes. A model whose schema is of no use is left out: its /info says why.
func (d *document) requests(a *API, all []jobs.Model) {
	for _, m := range all {
		sch, err := a.schemas.of(m)
		if err != nil {
			a.o.Log.Warn("a model's requests cannot be documented", "model", m.Name, "error", err)
			continue
		}
		for _, field := range sch.Properties() {
			if p, _ := sch.Property(field); p.File != nil {
				d.files[field] = map[string]any{"type": "string", "format": "binary"}
			}
		}
		name := defName(m.Name)
		one := requestSchema(d.schemas, sch)
		d.schemas.defs[name+"_Request"] = one
		d.one = append(d.one, map[string]any{"$ref": "#/components/schemas/" + name + "_Request"})
		d.schemas.defs[name+"_Batch"] = batchSchema(one, d.one[len(d.one)-1])
		d.batch = append(d.batch, map[string]any{"$ref": "#/components/schemas/" + name + "_Batch"})
	}
}

// defName is a name as the document's components may have it.
func defName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
}

func newDocument() *document {
	return &document{schemas: &schemas{defs: map[string]any{}, types: map[string]reflect.Type{}}, paths: map[string]map[string]any{}, files: map[string]any{}}
}

func (d *document) add(path string, e endpoint) {
	if d.paths[path] == nil {
		d.paths[path] = map[string]any{}
	}
	d.paths[path][strings.ToLower(e.method)] = d.describe(path, e)
}

func (d *document) whole() map[string]any {
	return map[string]any{
		"openapi": "3.1.0", "paths": d.paths, "webhooks": map[string]any{"jobEnded": map[string]any{"post": webhook(d.schemas)}},
		"components": map[string]any{"schemas": d.schemas.defs, "securitySchemes": map[string]any{
			"bearer": map[string]any{"type": "http", "scheme": "bearer", "description": "An API key, or a token of the configured issuer; a server that has neither asks nobody"},
			"key":    map[string]any{"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key"},
		}},
		"tags": []any{tag("generate", "Making clips"), tag("jobs", "Following, cancelling and fetching them"), tag("uploads", "Files for requests"), tag("model", "The models themselves")},
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
		"requestBody": map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": s.of(hookBody{})}}},
		"responses":   map[string]any{"2XX": map[string]any{"description": "Delivered"}, "410": map[string]any{"description": "Nobody wants to hear of this any more"}},
	}
}

func tag(name, text string) any { return map[string]any{"name": name, "description": text} }

func (d *document) describe(path string, e endpoint) map[string]any {
	s, o := d.schemas, e.doc
	security := []any{}
	if !e.need.Public {
		o.Fails = append(slices.Clone(o.Fails), http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
		security = []any{map[string]any{"bearer": []any{}}, map[string]any{"key": []any{}}}
	}
	op := map[string]any{"operationId": o.ID, "summary": o.Summary, "tags": []string{o.Tag}, "responses": responseObjects(s, o), "security": security}
	if o.Long != "" {
		op["description"] = o.Long
	}
	if ps := parameters(path, o.Params); len(ps) > 0 {
		op["parameters"] = ps
	}
	if o.In != nil {
		op["requestBody"] = d.taken(o)
	}
	return op
}

func parameters(path string, ps []param) (out []any) {
	for name, s := range map[string]any{"model": textOf(0, ""), "id": textOf(0, idForm.String()), "chunk": textOf(0, `^(init\.mp4|[0-9]{1,6}\.m4s)$`)} {
		if strings.Contains(path, "{"+name+"}") {
			out = append(out, map[string]any{"in": "path", "name": name, "required": true, "schema": s})
		}
	}
	slices.SortFunc(out, func(a, b any) int {
		return -strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	for _, p := range ps {
		if p.Schema == nil {
			p.Schema = textOf(0, "")
		}
		out = append(out, map[string]any{"in": p.In, "name": p.Name, "description": p.Text, "schema": p.Schema})
	}
	return out
}

func responseObjects(s *schemas, o operation) map[string]any {
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
		text := map[string]any{"type": "string"}
		return "text/event-stream", map[string]any{"type": "object", "description": "Of each event", "required": []any{"event", "data"},
			"properties": map[string]any{"event": text, "data": text, "id": text, "retry": map[string]any{"type": "integer"}}}
	case clip:
		return "video/mp4", map[string]any{"type": "string", "contentMediaType": "video/mp4"}
	case playlistText:
		return "application/vnd.apple.mpegurl", map[string]any{"type": "string"}
	case prometheusText:
		return "text/plain", map[string]any{"type": "string"}
	case table:
		return "text/csv", map[string]any{"type": "string"}
	case anObject:
		return "application/json", map[string]any{"type": "object"}
	}
	return "application/json", s.of(body)
}
