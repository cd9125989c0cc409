package registry

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strings"

	"github.com/containerd/errdefs"
	"go.yaml.in/yaml/v3"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// maxManifest bounds a manifest's size in bytes.
const maxManifest = 1 << 20

// Mistake is one mistake in a manifest.
type Mistake struct {
	File    string // "" when it came through the API
	Line    int    // 0: not known
	Field   string // dotted path, "" for the whole manifest
	Text    string // what is wrong
	Allowed string // what would be right
}

func (p *Mistake) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", p.File, max(p.Line, 1))
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Text)
	if p.Allowed != "" {
		b.WriteString("; allowed: " + p.Allowed)
	}
	return b.String()
}

// Unwrap gives the class.
func (p *Mistake) Unwrap() error { return errdefs.ErrInvalidArgument }

// decoder reads a YAML tree into a Go value by the yaml tags alone, and remembers the line of every field.
type decoder struct {
	file     string
	lines    map[string]int
	units    map[string]string // durations and sizes as they are written
	mistakes []error
}

// parse reads a manifest strictly: no unknown or double field, no second document, every value of its field's type.
func parse(file string, text []byte) (spec.Function, *decoder, error) {
	d := &decoder{file: file, lines: map[string]int{}, units: map[string]string{}}
	var fn spec.Function
	root, err := d.document(text)
	if err != nil {
		return fn, d, err
	}
	d.value(root, reflect.ValueOf(&fn).Elem(), "")
	d.zeros(&fn)
	if len(d.units) > 0 {
		fn.Written = d.units
	}
	return fn, d, errors.Join(d.mistakes...)
}

// zeros refuses a 0 that somebody wrote where only leaving the field out stands for its default.
func (d *decoder) zeros(fn *spec.Function) {
	if len(d.mistakes) > 0 {
		return // a field whose value does not fit is 0 as well
	}
	for _, f := range []struct {
		field, allowed string
		zero           bool
	}{
		{"concurrency", fmt.Sprint("1 to ", maxConcurrency), fn.Concurrency == 0},
		{"eventsAtOnce", fmt.Sprint("1 to ", maxEventsAtOnce), fn.EventsAtOnce == 0},
		{"queueLimit", fmt.Sprint("1 to ", maxQueue), fn.QueueLimit == 0},
		{"timeout", "more than 0, at most 168h", fn.Timeout == 0},
		{"initTimeout", "more than 0, at most 24h", fn.InitTimeout == 0},
	} {
		if line, written := d.lines[f.field]; written && f.zero {
			d.mistakes = append(d.mistakes, &Mistake{File: d.file, Line: line, Field: f.field, Text: "is 0", Allowed: f.allowed})
		}
	}
}

func (d *decoder) document(text []byte) (*yaml.Node, error) {
	if len(text) > maxManifest {
		return nil, &Mistake{File: d.file, Text: fmt.Sprintf("the manifest has %d bytes", len(text)), Allowed: "at most 1MiB"}
	}
	r := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := r.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Mistake{File: d.file, Text: "the manifest is empty", Allowed: "at least name, and image or command"}
	} else if err != nil {
		return nil, &Mistake{File: d.file, Line: yamlLine(err), Text: "not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	if err := r.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Mistake{File: d.file, Line: second.Line, Text: "a second YAML document", Allowed: "one document per manifest"}
	}
	return doc.Content[0], nil
}

// yamlLine finds the line in a message such as "yaml: line 3: did not find expected key".
func yamlLine(err error) int {
	var n int
	if _, after, ok := strings.Cut(err.Error(), "line "); ok {
		_, _ = fmt.Sscanf(after, "%d", &n)
	}
	return n
}

func (d *decoder) fail(n *yaml.Node, field, text, allowed string) {
	d.mistakes = append(d.mistakes, &Mistake{File: d.file, Line: n.Line, Field: field, Text: text, Allowed: allowed})
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.lines[path] = n.Line
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, u, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Map:
		d.dict(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) text(n *yaml.Node, u encoding.TextUnmarshaler, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, "is "+kind(n), "a single value")
	} else if err := u.UnmarshalText([]byte(n.Value)); err != nil {
		d.fail(n, path, err.Error(), "")
	} else if v, ok := u.(fmt.Stringer); ok && v.String() != n.Value {
		d.units[path] = n.Value
	}
}

func (d *decoder) object(n *yaml.Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "is "+kind(n), "a mapping with "+names(fields))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, sub := n.Content[i], join(path, n.Content[i].Value)
		index, ok := fields[key.Value]
		switch {
		case !ok:
			d.fail(key, sub, "is not a field", names(fields))
		case seen[key.Value]:
			d.fail(key, sub, "is given twice", "once")
		default:
			seen[key.Value] = true
			d.value(n.Content[i+1], v.Field(index), sub)
		}
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if single, ok := v.Addr().Interface().(interface{ SetScalar(string) error }); ok && n.Kind == yaml.ScalarNode {
		if err := single.SetScalar(n.Value); err != nil {
			d.fail(n, path, fmt.Sprintf("is %q", n.Value), "a list of names, a whole number from 0 to 64, or all")
		}
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "is "+kind(n), "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.value(c, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) dict(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "is "+kind(n), "a mapping of names to strings")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], reflect.New(v.Type().Elem()).Elem()
		if v.MapIndex(reflect.ValueOf(key.Value)).IsValid() {
			d.fail(key, join(path, key.Value), "is given twice", "once")
			continue
		}
		d.value(n.Content[i+1], item, join(path, key.Value))
		v.SetMapIndex(reflect.ValueOf(key.Value), item)
	}
}

// scalar takes strings as written, whatever YAML would make of them: an env value 1.0 stays "1.0".
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, "is "+kind(n), wanted[v.Kind()])
		return
	}
	if v.Kind() == reflect.String {
		if n.Tag != "!!null" {
			v.SetString(n.Value)
		}
		return
	}
	part := v.CanInt() && n.ShortTag() == "!!float" // which YAML would cut off
	if err := n.Decode(v.Addr().Interface()); err != nil || n.Tag == "!!null" || part {
		d.fail(n, path, fmt.Sprintf("%q does not fit", n.Value), wanted[v.Kind()])
	}
}

var wanted = map[reflect.Kind]string{
	reflect.String: "text", reflect.Bool: "true or false", reflect.Int: "a whole number",
	reflect.Int64: "a whole number", reflect.Float64: "a number",
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("the value %q", n.Value)
	}
}

// fieldsOf maps the YAML names of a struct's fields to their indices.
func fieldsOf(t reflect.Type) map[string]int {
	m := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			m[name] = i
		}
	}
	return m
}

func names(fields map[string]int) string {
	s := make([]string, 0, len(fields))
	for n := range fields {
		s = append(s, n)
	}
	sort.Strings(s)
	return strings.Join(s, ", ")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
