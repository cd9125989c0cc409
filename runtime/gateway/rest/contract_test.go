package rest

import (
	"bytes"
	"encoding/json"
	"mime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// contract is the OpenAPI document as a client reads it.
type contract struct {
	t   *testing.T
	doc map[string]any
}

// at walks down objects; nil when there is nothing.
func at(v any, names ...string) any {
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	return v
}

func (c contract) operation(id string) map[string]any {
	c.t.Helper()
	for _, item := range at(c.doc, "paths").(map[string]any) {
		for _, op := range item.(map[string]any) {
			if at(op, "operationId") == id {
				return op.(map[string]any)
			}
		}
	}
	c.t.Fatalf("no operation %s", id)
	return nil
}

// example gives the request body that the document shows, having held it to its own schema.
func (c contract) example(op string) string {
	c.t.Helper()
	media := at(c.operation(op), "requestBody", "content", "application/json")
	c.check(op+" example", at(media, "schema"), at(media, "example"))
	b, err := json.Marshal(at(media, "example"))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// holds asks whether an answer is one that the operation documents.
func (c contract) holds(op string, status int, contentType string, body []byte) {
	c.t.Helper()
	r := at(c.operation(op), "responses", strconv.Itoa(status))
	if r == nil {
		c.t.Errorf("%s: status %d is not documented", op, status)
		return
	}
	content, _ := at(r, "content").(map[string]any)
	if len(body) == 0 && content == nil {
		return
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	media, ok := content[kind]
	if !ok {
		c.t.Errorf("%s %d: %s is not among %v", op, status, kind, content)
		return
	}
	if strings.HasSuffix(kind, "json") {
		var v any
		dec := json.NewDecoder(bytes.NewReader(body))
		if err := dec.Decode(&v); err != nil {
			c.t.Errorf("%s %d: %v", op, status, err)
		}
		c.check(op, at(media, "schema"), v)
	}
}

// check is the part of JSON Schema that the document uses. It is stricter in one thing: objects hold what is documented.
func (c contract) check(where string, schema, v any) {
	c.t.Helper()
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		c.check(where, at(c.doc, append([]string{"components", "schemas"}, strings.TrimPrefix(ref, "#/components/schemas/"))...), v)
		return
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		c.t.Errorf("%s: %v is not among %v", where, v, enum)
	}
	if !c.typed(s["type"], v) {
		c.t.Errorf("%s: %v is not of type %v", where, v, s["type"])
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			c.check(where+"/"+strconv.Itoa(i), s["items"], e)
		}
	case map[string]any:
		c.object(where, s, v)
	}
}

func (c contract) object(where string, s, v map[string]any) {
	c.t.Helper()
	props, described := s["properties"].(map[string]any)
	for name, e := range v {
		switch {
		case props[name] != nil:
			c.check(where+"/"+name, props[name], e)
		case described:
			c.t.Errorf("%s: %s is not documented", where, name)
		}
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			c.t.Errorf("%s: %s is missing", where, name)
		}
	}
}

func (c contract) typed(want, v any) bool {
	switch want := want.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(want, func(w any) bool { return c.typed(w, v) })
	case string:
		switch v := v.(type) {
		case nil:
			return want == "null"
		case bool:
			return want == "boolean"
		case string:
			return want == "string"
		case float64:
			return want == "number" || want == "integer" && v == float64(int64(v))
		case []any:
			return want == "array"
		case map[string]any:
			return want == "object"
		}
	}
	return false
}
