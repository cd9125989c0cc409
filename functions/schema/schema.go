package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a compiled document.
type Schema struct {
	raw        json.RawMessage
	compiled   func() (*jsonschema.Schema, error)
	properties map[string]Property
	needs      map[string][]string // dependentRequired
	absent     map[string]string   // x-absent: why there is no such member, and what does instead
}

// Property is what the document says of one member of a request, as far as sentences and defaults need it.
type Property struct {
	Type        any             `json:"type"`
	Description string          `json:"description"`
	Minimum     *float64        `json:"minimum"`
	Maximum     *float64        `json:"maximum"`
	MultipleOf  float64         `json:"multipleOf"`
	Step        float64         `json:"x-step"`
	Seconds     float64         `json:"x-seconds"`
	MaxBytes    int             `json:"x-maxBytes"`
	Default     json.RawMessage `json:"default"`
	DefaultBy   string          `json:"x-default"`
	Enum        []any           `json:"enum"`
	File        *File           `json:"x-file"`
	// Of a list its entries, and of an object its members; nothing where the document refers to them elsewhere.
	Items      *Property           `json:"items"`
	Properties map[string]Property `json:"properties"`
}

// File is what a property that holds a file takes.
type File struct {
	Types    []string `json:"types"`    // media types; none: any
	MaxBytes int64    `json:"maxBytes"` // 0: no limit of its own
	Inline   bool     `json:"inline"`   // the function takes it in the event alone, in base64
}

// most bounds a document: a schema is written by a person or made of a few limits.
const most = 1 << 20

// Compile reads a model's schema. InvalidArgument says what is wrong with it; references lead nowhere out of it.
func Compile(raw []byte) (*Schema, error) {
	if len(raw) > most {
		return nil, fmt.Errorf("the request schema has %d bytes: %d at most: %w", len(raw), most, errdefs.ErrInvalidArgument)
	}
	compiled, err := compile(raw)
	if err != nil {
		return nil, err
	}
	return read(raw, func() (*jsonschema.Schema, error) { return compiled, nil })
}

// Known is Compile for a schema that has been compiled before, as that of a sealed bundle: a start need not wait for what the first
// Check does then.
func Known(raw []byte) (*Schema, error) {
	raw = slices.Clone(raw)
	return read(raw, sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(raw) }))
}

// read takes from the document what sentences and defaults need.
func read(raw []byte, compiled func() (*jsonschema.Schema, error)) (*Schema, error) {
	var root struct {
		Properties map[string]Property `json:"properties"`
		Needs      map[string][]string `json:"dependentRequired"`
		Absent     map[string]string   `json:"x-absent"`
	}
	if err := json.Unmarshal(raw, &root); err != nil {
		return nil, fmt.Errorf("the request schema has properties of an unknown form: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return &Schema{raw: slices.Clone(raw), compiled: compiled, properties: root.Properties, needs: root.Needs, absent: root.Absent}, nil
}

func compile(raw []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("the request schema is not JSON: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.RegisterVocabulary(keywords)
	c.AssertVocabs()
	const at = "model:request"
	if err := c.AddResource(at, doc); err != nil {
		return nil, fmt.Errorf("the request schema cannot be used: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	compiled, err := c.Compile(at)
	if err != nil {
		return nil, fmt.Errorf("the request schema cannot be used: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return compiled, nil
}

// nowhere is a loader that finds nothing: a schema must not make its reader fetch files or addresses.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, and may refer to nothing but itself", url)
}

// Raw is the document as it was given.
func (s *Schema) Raw() json.RawMessage { return s.raw }

// Properties are the names of what a request may hold, sorted.
func (s *Schema) Properties() []string { return slices.Sorted(maps.Keys(s.properties)) }

// Property tells what the document says of a member; false when it is none.
func (s *Schema) Property(name string) (Property, bool) {
	p, ok := s.properties[name]
	return p, ok
}

// Absent says why there is no such member, and what does instead; "": nothing is said of it.
func (s *Schema) Absent(name string) string { return s.absent[name] }

// Files are the names of the properties that hold files, sorted.
func (s *Schema) Files() (names []string) {
	for _, name := range s.Properties() {
		if s.properties[name].File != nil {
			names = append(names, name)
		}
	}
	return names
}

// Wrong is one thing that is wrong with a request.
type Wrong struct {
	Field    string   // JSON pointer without its first slash; "" is the whole request
	Value    any      // what was sent, where it may be repeated
	Detail   string   // one sentence, with the values that would do
	Min, Max *float64 // of a number
	Missing  bool     // it is not there
}

// InvalidError is everything that is wrong with a request, of class InvalidArgument.
type InvalidError struct{ Wrong []Wrong }

func (e *InvalidError) Error() string {
	var b bytes.Buffer
	for i, w := range e.Wrong {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Detail)
	}
	return b.String()
}

func (e *InvalidError) Unwrap() error { return errdefs.ErrInvalidArgument }

// Check holds a request to the schema and gives everything that is wrong with it, one entry per field, in order.
func (s *Schema) Check(o Object) []Wrong {
	found := findings{}
	compiled, err := s.compiled()
	if err == nil {
		err = compiled.Validate(map[string]any(o))
	}
	var bad *jsonschema.ValidationError
	if errors.As(err, &bad) {
		s.explain(bad, o, &found)
	} else if err != nil {
		found.add(Wrong{Detail: "the request cannot be checked: " + err.Error() + "."})
	}
	o.zeroes(&found) // of a field that there is not, that is said
	return found.sorted()
}

// findings keeps the first finding of each field.
type findings map[string]Wrong

func (f findings) add(w Wrong) {
	if _, told := f[w.Field]; !told {
		f[w.Field] = w
	}
}

func (f findings) sorted() (out []Wrong) {
	for _, field := range slices.Sorted(maps.Keys(f)) {
		out = append(out, f[field])
	}
	return out
}
