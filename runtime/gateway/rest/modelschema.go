package rest

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// requestSchema is what /generate takes, for the document: the model's schema with its own keywords told in those that every
// client knows, and the queue's settings beside it.
func requestSchema(defs *schemas, sch *schema.Schema) map[string]any {
	doc := map[string]any{}
	_ = json.Unmarshal(sch.Raw(), &doc) // Compile has read it
	delete(doc, "$schema")
	delete(doc, "$id")
	own, _ := doc["properties"].(map[string]any)
	required, _ := doc["required"].([]any)
	props := map[string]any{}
	for name, v := range own {
		p, _ := sch.Property(name)
		props[name] = standard(v, p, slices.Contains(required, any(name)))
	}
	maps.Copy(props, settingsSchema(defs))
	doc["properties"] = props
	return doc
}

// settingsSchema are the queue's own fields.
func settingsSchema(defs *schemas) map[string]any {
	props, required := map[string]any{}, []string{}
	t := reflect.TypeFor[settings]()
	defs.fields(t, t, props, &required)
	for name, p := range props {
		props[name] = nullable(p)
	}
	return props
}

// batchSchema is what /batch takes: prompts, or whole requests, and what holds for all of them.
func batchSchema(request map[string]any, ref any) map[string]any {
	props := maps.Clone(request["properties"].(map[string]any))
	prompt, _ := props["prompt"].(map[string]any)
	delete(props, "prompt")
	for name, p := range props {
		props[name] = nullable(p)
	}
	list := func(items any, text string) any {
		return map[string]any{"type": []any{"array", "null"}, "minItems": 1, "maxItems": jobs.MaxBatch, "items": items, "description": text}
	}
	if prompt == nil {
		prompt = map[string]any{"type": "string"}
	}
	props["prompts"] = list(prompt, "One job per prompt; the other fields hold for all of them")
	props["requests"] = list(ref, "Instead of prompts: one request per job; what it leaves out is taken from the other fields")
	either := func(this, other string) any {
		return map[string]any{"required": []any{this}, "properties": map[string]any{this: map[string]any{"type": "array"}, other: map[string]any{"type": "null"}}}
	}
	return map[string]any{"type": "object", "properties": props, "additionalProperties": false, "oneOf": []any{either("prompts", "requests"), either("requests", "prompts")}}
}

// nullable lets a field be null, which leaves it out.
func nullable(v any) any {
	p, ok := v.(map[string]any)
	if !ok || p["type"] == nil {
		return v
	}
	p = maps.Clone(p)
	if kind, ok := p["type"].(string); ok {
		p["type"] = []any{kind, "null"}
	}
	switch enum := p["enum"].(type) {
	case []any:
		p["enum"] = append(slices.Clone(enum), nil)
	case []string:
		all := make([]any, len(enum), len(enum)+1)
		for i, e := range enum {
			all[i] = e
		}
		p["enum"] = append(all, nil)
	}
	return p
}

// standard tells a property in standard keywords.
func standard(v any, p schema.Property, required bool) any {
	doc, ok := v.(map[string]any)
	if !ok {
		return v
	}
	doc = maps.Clone(doc)
	for key := range doc {
		if strings.HasPrefix(key, "x-") {
			delete(doc, key)
		}
	}
	if steps := p.Steps(); steps != nil {
		doc["enum"] = steps
	}
	if doc["type"] == "string" {
		textual(doc, p)
	}
	if required {
		return doc
	}
	return nullable(doc)
}

// textual adds what holds for every text, and for one that is a file: no zero characters, no more characters than bytes.
func textual(doc map[string]any, p schema.Property) {
	if p.MaxBytes > 0 && doc["maxLength"] == nil {
		doc["maxLength"] = p.MaxBytes
	}
	switch pattern, _ := doc["pattern"].(string); {
	case p.File != nil:
		doc["minLength"], doc["pattern"] = 4, filePattern(p.File)
	case pattern == `\S`:
		doc["pattern"] = `^[^\u0000]*[^\u0000\t\n\f\r ][^\u0000]*$`
	case pattern == "" && doc["enum"] == nil:
		doc["pattern"] = `^[^\u0000]*$`
	}
}

// filePattern is base64, plain or in a data: URL.
func filePattern(f *schema.File) string {
	kinds := "[a-z]+/[0-9a-z.+-]+"
	if len(f.Types) > 0 {
		kinds = strings.NewReplacer(".", `\.`, "+", `\+`).Replace(strings.Join(f.Types, "|"))
	}
	return `^(data:(` + kinds + `);base64,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$`
}
