package rest

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// schemas turns Go types into JSON Schema. Structs become named definitions; tags doc, min, max and required add to them.
type schemas struct {
	defs  map[string]any
	types map[string]reflect.Type // which type has a name
}

// named gives types a name other than their own, which another type has.
var named = map[reflect.Type]string{reflect.TypeFor[jobs.Problem](): "JobError", reflect.TypeFor[problem](): "Problem"}

func nameOf(t reflect.Type) string {
	if name := named[t]; name != "" {
		return name
	}
	return strings.ToUpper(t.Name()[:1]) + strings.TrimSuffix(t.Name()[1:], "View")
}

func (s *schemas) of(v any) any { return s.typ(reflect.TypeOf(v)) }

var (
	textType = reflect.TypeFor[encoding.TextMarshaler]()
	closed   = map[reflect.Type]map[string]any{ // types whose JSON form their kind does not show
		reflect.TypeFor[time.Time]():       {"type": "string", "format": "date-time"},
		reflect.TypeFor[json.RawMessage](): {"type": "object"},
		reflect.TypeFor[[]byte]():          {"type": "string", "contentEncoding": "base64"},
		reflect.TypeFor[jobs.Priority]():   {"type": "string", "enum": []string{"high", "normal", "low"}},
		reflect.TypeFor[jobs.State]():      {"type": "string", "enum": jobs.States},
	}
)

func (s *schemas) typ(t reflect.Type) any {
	if d, ok := closed[t]; ok {
		return clone(d)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.typ(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.typ(t.Elem())}
	case reflect.Struct:
		return s.ref(t)
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int64:
		if t.Implements(textType) {
			return map[string]any{"type": "string"}
		}
		return map[string]any{"type": "integer"}
	}
	return map[string]any{"type": "string"}
}

func clone(m map[string]any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (s *schemas) ref(t reflect.Type) any {
	name := nameOf(t)
	if other, ok := s.types[name]; ok && other != t {
		panic("two types are called " + name + " in /openapi.json: name one of them in schema.go")
	} else if !ok {
		def := map[string]any{"type": "object"}
		s.defs[name], s.types[name] = def, t // before its fields: types may nest
		props, required := map[string]any{}, []string{}
		s.fields(t, t, props, &required)
		def["properties"] = props
		if len(required) > 0 {
			def["required"] = required
		}
		if isRequest(t) {
			def["additionalProperties"] = false
		}
	}
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

func (s *schemas) fields(root, t reflect.Type, props map[string]any, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			s.fields(root, f.Type, props, required)
			continue
		}
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		props[name] = s.field(f)
		always := !strings.Contains(opts, "omit") && !isRequest(root)
		if always || f.Tag.Get("required") == "true" && root == t {
			*required = append(*required, name)
		}
	}
}

// isRequest tells the bodies that clients send, whose fields are optional unless they say otherwise and all known.
func isRequest(t reflect.Type) bool {
	return t == reflect.TypeFor[settings]() || t == reflect.TypeFor[jobChange]()
}

func (s *schemas) field(f reflect.StructField) any {
	d, ok := s.typ(f.Type).(map[string]any)
	if !ok {
		return s.typ(f.Type)
	}
	if doc := f.Tag.Get("doc"); doc != "" {
		d["description"] = doc
	}
	lo, hi := limits(d["type"])
	for key, tag := range map[string]string{lo: f.Tag.Get("min"), hi: f.Tag.Get("max")} {
		if n, err := strconv.ParseFloat(tag, 64); err == nil {
			d[key] = n
		}
	}
	if pattern := f.Tag.Get("pattern"); pattern != "" {
		d["pattern"] = pattern
	}
	if f.Type.Kind() == reflect.Pointer && !strings.Contains(f.Tag.Get("json"), "omit") && d["type"] != nil {
		d["type"] = []any{d["type"], "null"}
	}
	return d
}

// limits are the keywords that bound a type.
func limits(kind any) (lo, hi string) {
	switch kind {
	case "string":
		return "minLength", "maxLength"
	case "array":
		return "minItems", "maxItems"
	}
	return "minimum", "maximum"
}
