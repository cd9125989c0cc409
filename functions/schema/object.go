package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/internal/jsonform"
)

// Object is a request. Members that were null are not in it: null leaves a field out. Numbers are json.Number, whole ones
// written plain (33.0 and 1e3 are 33 and 1000), or float64.
type Object map[string]any

// Parse reads a body that must hold one JSON object. The error, an *InvalidError, says what keeps it from being one.
func Parse(body []byte) (Object, error) {
	if isForm(body) {
		return nil, malformed("", "the body is a form, which POST /v1/models/NAME/generate takes: here files are base64 in JSON.")
	}
	if !utf8.Valid(body) {
		return nil, malformed("", "the body is not valid UTF-8: send JSON in UTF-8.")
	}
	var members map[string]json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&members); err != nil || members == nil {
		return nil, malformed("", "the body is not a JSON object: "+why(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("", "the body has something after its JSON object.")
	}
	if twice := jsonform.Twice(body, nil); twice != nil {
		return nil, malformed(strings.TrimPrefix(twice.Pointer, "/"), twice.Error()+".")
	}
	o := Object{}
	for name, raw := range members {
		if halfPair(raw) || halfPair([]byte(name)) {
			return nil, malformed(Pointer(name), Show(name)+" is not valid Unicode: it has half a surrogate pair.")
		}
		v, err := value(raw)
		if err != nil {
			return nil, malformed(Pointer(name), Show(name)+" "+err.Error()+".")
		}
		if v != nil {
			o[name] = v
		}
	}
	return o, nil
}

// isForm tells whether a body is multipart/form-data, by its first part's head.
func isForm(body []byte) bool {
	if !bytes.HasPrefix(body, []byte("--")) {
		return false
	}
	head, _, _ := bytes.Cut(body, []byte("\r\n\r\n"))
	return bytes.Contains(head, []byte("form-data"))
}

func malformed(field, detail string) error {
	return &InvalidError{Wrong: []Wrong{{Field: field, Detail: detail}}}
}

// why says in words for people what encoding/json says in those of Go.
func why(err error) string {
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case err == nil:
		return "it is null."
	case errors.Is(err, io.EOF):
		return "it is empty."
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends in the middle."
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v at byte %d.", syntax, syntax.Offset)
	case errors.As(err, &other):
		return "it is of type " + other.Value + "."
	}
	return err.Error() + "."
}

// halfPair tells whether JSON text has an escaped surrogate without its other half, which Go would replace without a word.
func halfPair(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		switch r := escaped(raw[i:]); {
		case r >= 0xD800 && r < 0xDC00:
			if low := escaped(raw[i+6:]); low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 11
		case r >= 0xDC00 && r <= 0xDFFF:
			return true
		default:
			i++ // what is escaped is no escape itself
		}
	}
	return false
}

// escaped gives the code unit of a \uXXXX at the beginning of raw; -1 when there is none.
func escaped(raw []byte) int {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 32)
	if err != nil {
		return -1
	}
	return int(n)
}

func value(raw json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("cannot be read: " + strings.TrimSuffix(why(err), "."))
	}
	return plain(v)
}

// plain rewrites the numbers of a value so that every reader takes them alike, and no exponent makes one write them out.
func plain(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case []any:
		for i := range v {
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plain(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// exact is the largest integer up to which float64 has them all.
const exact = 1 << 53

func number(text string) (any, error) {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
		return json.Number(text), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, errors.New("holds a number that is too large to be one")
	}
	if f == math.Trunc(f) && math.Abs(f) <= exact {
		return json.Number(strconv.FormatInt(int64(f), 10)), nil
	}
	return f, nil
}

// JSON is the request as a body: members in order, so that equal requests have equal bytes.
func (o Object) JSON() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(map[string]any(o)) // made of what was JSON: cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Text is a member that is a string; "" when it is none.
func (o Object) Text(name string) string { s, _ := o[name].(string); return s }

// Number is a member that is a number; 0 when it is none.
func (o Object) Number(name string) float64 { return asFloat(o[name]) }

// zeroes finds strings with a zero character, which end the strings of C and of some databases.
func (o Object) zeroes(f *findings) {
	for name, v := range o {
		if s, ok := v.(string); ok && strings.ContainsRune(s, 0) {
			f.add(Wrong{Field: Pointer(name), Detail: Show(name) + " holds a zero character: leave it out."})
		}
	}
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

// Pointer escapes a name for a JSON pointer.
func Pointer(name string) string { return pointer.Replace(Show(name)) }

// shown is how much of a value a message repeats, in bytes.
const shown = 60

// Show cuts a text so that a message may repeat it.
func Show(text string) string {
	if len(text) > shown {
		return strings.ToValidUTF8(text[:shown], "") + "…"
	}
	return text
}
