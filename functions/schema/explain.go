package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

var english = message.NewPrinter(language.English)

// explain turns what the library found into sentences. Alternatives are one finding: which of them was meant is not known.
func (s *Schema) explain(e *jsonschema.ValidationError, o Object, f *findings) {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			s.explain(cause, o, f)
		}
		return
	}
	if len(e.Causes) > 0 && !isChoice(e.ErrorKind) {
		for _, cause := range e.Causes {
			s.explain(cause, o, f)
		}
		return
	}
	for _, w := range s.sentences(e, o) {
		f.add(w)
	}
}

func isChoice(k jsonschema.ErrorKind) bool {
	switch k.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains:
		return true
	}
	return false
}

func (s *Schema) sentences(e *jsonschema.ValidationError, o Object) []Wrong {
	at := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		gone := each(at, k.Missing, s.missing)
		for i := range gone {
			gone[i].Missing = true
		}
		return gone
	case *kind.DependentRequired:
		given := append(slices.Clone(at), k.Prop)
		return []Wrong{{Field: fieldOf(given), Detail: fmt.Sprintf("%s says something of %s, which is missing: send that too, or leave %[1]s out.", Show(place(given)), Show(strings.Join(k.Missing, " and ")))}}
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		return each(at, k.Properties[:min(len(k.Properties), maxNamed)], func(name string) string { return s.unknown(at, o, name) })
	}
	w := Wrong{Field: fieldOf(at)}
	if len(at) == 0 {
		w.Detail = "the request " + e.ErrorKind.LocalizedString(english) + "."
		return []Wrong{w}
	}
	p, v := s.within(at, o)
	p = s.lasting(p, o)
	if len(at) == 1 {
		w.Value = repeatable(v)
	}
	w.Min, w.Max = p.Minimum, p.Maximum
	w.Detail = detail(Show(place(at)), e.ErrorKind, p, v)
	return []Wrong{w}
}

// within is what the document says of a place in a request, and what is there.
func (s *Schema) within(at []string, o Object) (p Property, v any) {
	p, v = s.properties[at[0]], o[at[0]]
	for _, step := range at[1:] {
		switch in := v.(type) {
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				v = in[i]
			}
			if p.Items == nil {
				return Property{}, v
			}
			p = *p.Items
		case map[string]any:
			v, p = in[step], p.Properties[step]
		}
	}
	return p, v
}

// maxNamed is how many unknown fields are told.
const maxNamed = 20

func each(at, names []string, say func(name string) string) (out []Wrong) {
	for _, n := range names {
		out = append(out, Wrong{Field: fieldOf(append(slices.Clone(at), n)), Detail: say(n)})
	}
	return out
}

func fieldOf(at []string) string {
	parts := make([]string, len(at))
	for i, p := range at {
		parts[i] = Pointer(p)
	}
	return strings.Join(parts, "/")
}

// place is where something stands in a request, as a sentence has it: loras[0].strength.
func place(at []string) string {
	var b strings.Builder
	for i, step := range at {
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			b.WriteString("[" + step + "]")
		case i > 0:
			b.WriteString("." + step)
		default:
			b.WriteString(step)
		}
	}
	return b.String()
}

func (s *Schema) missing(name string) string {
	p := s.properties[name]
	if p.Description != "" {
		return fmt.Sprintf("%s is missing: %s.", name, strings.TrimSuffix(lower(p.Description), "."))
	}
	return fmt.Sprintf("%s is missing: it must be %s.", name, p.wanted())
}

func lower(text string) string {
	if len(text) > 1 && text[1] >= 'A' && text[1] <= 'Z' {
		return text // an abbreviation
	}
	return strings.ToLower(text[:1]) + text[1:]
}

func (s *Schema) unknown(at []string, o Object, name string) string {
	if len(at) > 0 {
		said := fmt.Sprintf("%s is not a field of %s", Show(name), Show(place(at)))
		if p, _ := s.within(at, o); len(p.Properties) > 0 {
			said += ": there are " + p.members()
		}
		return said + "."
	}
	if why := s.absent[name]; why != "" {
		return fmt.Sprintf("%s is not a field of this request: %s.", Show(name), strings.TrimSuffix(why, "."))
	}
	return fmt.Sprintf("%s is not a field of this request: there are %s.", Show(name), strings.Join(s.Properties(), ", "))
}

// repeatable is a value that an error may carry: short, and no structure.
func repeatable(v any) any {
	switch v := v.(type) {
	case string:
		return Show(v)
	case []any, map[string]any:
		return nil
	}
	return v
}

func detail(name string, k jsonschema.ErrorKind, p Property, v any) string {
	switch k := k.(type) {
	case failed:
		if k.keyword == "x-step" {
			return outside(name, v, p)
		}
		return name + " " + k.text + "."
	case *kind.Type:
		if p.Type == nil {
			return fmt.Sprintf("%s is of type %s: it must be %s.", name, k.Got, strings.Join(k.Want, " or "))
		}
		return fmt.Sprintf("%s is %s: it must be %s.", name, text(v), p.wanted())
	case *kind.Minimum, *kind.Maximum, *kind.MultipleOf:
		if p.Type != nil {
			return outside(name, v, p)
		}
	case *kind.Pattern, *kind.MinLength:
		if s, ok := v.(string); ok && strings.TrimSpace(s) == "" {
			return empty(name, p)
		}
	case *kind.MaxItems:
		return fmt.Sprintf("%s has %d entries: %d at most.", name, k.Got, k.Want)
	case *kind.Enum:
		if len(k.Want) == 1 && p.Description != "" {
			return fmt.Sprintf("%s is %s: only %s would do: %s.", name, text(v), text(k.Want[0]), strings.TrimSuffix(lower(p.Description), "."))
		}
		return fmt.Sprintf("%s is %s: it must be one of %s.", name, text(v), list(k.Want))
	}
	return name + ": " + k.LocalizedString(english) + "."
}

func empty(name string, p Property) string {
	if p.Description != "" {
		return fmt.Sprintf("%s is empty: %s.", name, strings.TrimSuffix(lower(p.Description), "."))
	}
	return name + " is empty: give a text."
}

// text is a value as a sentence may repeat it.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "of no known form"
	}
	return Show(string(b))
}

func list(values []any) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = text(v)
	}
	return strings.Join(out, ", ")
}
