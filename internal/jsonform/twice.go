package jsonform

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// TwiceError is of a body that gives a member of one of its objects twice. Which of them holds is left to each reader of JSON
// (RFC 8259, 4): what one has checked may not be what another does.
type TwiceError struct {
	Pointer string // JSON pointer to the member (RFC 6901), names cut
	Name    string // the member's, cut
}

func (e *TwiceError) Error() string { return e.Name + " is in the body more than once: send it once" }

// Twice finds the first member that an object of b has twice, however its name is escaped; nil where there is none, or b is no
// JSON. Members of what goes into a struct of type into (nil: no type is known) have names in any case, as encoding/json reads them.
func Twice(b []byte, into reflect.Type) *TwiceError {
	if !Valid(b) {
		return nil
	}
	f := finder{b: b, known: map[reflect.Type][]reflect.StructField{}}
	f.value(space(b, 0), into)
	return f.found
}

// finder walks valid JSON.
type finder struct {
	b     []byte
	found *TwiceError
	known map[reflect.Type][]reflect.StructField // of the structs it has met
}

// value gives the offset behind a value. What was found in it has its pointer from there on.
func (f *finder) value(i int, t reflect.Type) int {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch f.b[i] {
	case '{':
		return f.object(i, t)
	case '[':
		return f.array(i, t)
	}
	return value(f.b, i, 0)
}

func (f *finder) array(i int, t reflect.Type) int {
	if t != nil && t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
		t = nil
	} else if t != nil {
		t = t.Elem()
	}
	i = space(f.b, i+1)
	for n := 0; f.b[i] != ']'; n++ {
		if i = f.value(i, t); f.found != nil {
			f.found.under(strconv.Itoa(n))
			return i
		}
		i = f.next(i)
	}
	return i + 1
}

func (f *finder) object(i int, t reflect.Type) int {
	fold := t != nil && t.Kind() == reflect.Struct
	seen := map[string]bool{}
	for i = space(f.b, i+1); f.b[i] != '}'; i = f.next(i) {
		end := text(f.b, i)
		name := unquote(f.b[i:end])
		same := name
		if fold {
			same = strings.Map(folded, name)
		}
		if seen[same] {
			f.found = &TwiceError{Name: shorten(name)}
			f.found.under(name)
			return end
		}
		seen[same] = true
		i = space(f.b, space(f.b, end)+1) // behind the colon
		if i = f.value(i, f.memberType(t, name)); f.found != nil {
			f.found.under(name)
			return i
		}
	}
	return i + 1
}

// next goes from the end of an item to the next one, or to the bracket that ends them.
func (f *finder) next(i int) int {
	if i = space(f.b, i); f.b[i] == ',' {
		i = space(f.b, i+1)
	}
	return i
}

// folded gives one letter for all that encoding/json takes for each other: the least of them.
func folded(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// memberType is the type of what a member goes into; nil: not known.
func (f *finder) memberType(t reflect.Type, name string) reflect.Type {
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Map:
		return t.Elem()
	case t.Kind() != reflect.Struct:
		return nil
	}
	fields, ok := f.known[t]
	if !ok {
		fields = reflect.VisibleFields(t)
		f.known[t] = fields
	}
	for _, field := range fields {
		named, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if strings.EqualFold(name, cmp.Or(named, field.Name)) && (named != "" || !field.Anonymous) {
			return field.Type
		}
	}
	return nil
}

// unquote reads a string that is valid.
func unquote(b []byte) (s string) {
	_ = json.Unmarshal(b, &s) // see above
	return s
}

const (
	shown   = 60      // bytes of a name that a message repeats
	deepest = 1 << 10 // bytes of a pointer, about, before what is above is left out
)

func shorten(name string) string {
	if len(name) > shown {
		return strings.ToValidUTF8(name[:shown], "") + "…"
	}
	return name
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

// under puts a name, or number, before the pointer.
func (e *TwiceError) under(name string) {
	if len(e.Pointer) < deepest {
		e.Pointer = "/" + pointer.Replace(shorten(name)) + e.Pointer
	}
}
