package urlevent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Head is what a function says before its body.
type Head struct {
	StatusCode        int
	Headers           Headers
	MultiValueHeaders map[string][]string
	Order             []string // names of headers as the function wrote them: two spellings of one name have an order
	Cookies           []string
}

// Headers are what a function names in its answer. Numbers and booleans count as they are written, null as left out.
type Headers map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (h *Headers) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*h = make(Headers, len(raw))
	for k, v := range raw {
		var s string
		switch {
		case string(v) == "null":
			continue
		case v[0] == '"':
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
		case v[0] == '{' || v[0] == '[':
			return fmt.Errorf("header %q is not a single value", k)
		default:
			s = string(v)
		}
		(*h)[k] = s
	}
	return nil
}

// Status is a statusCode, which some functions write as a string.
type Status int

// UnmarshalJSON implements json.Unmarshaler.
func (s *Status) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	*s = Status(n)
	return err
}

// ErrAnswer says that an answer is not what its form promises: the function's fault.
var ErrAnswer = errors.New("the function's answer is not valid")

// Answer is a function's answer to an HTTP request, all of it.
type Answer struct {
	Head
	Formatted bool // it is in payload format 2.0; else its body is what the function gave, whatever that is
	Body      Body
}

// Names of the members of format 2.0, in lower case: encoding/json and Lambda do not mind case.
var members = map[string]bool{"statuscode": true, "headers": true, "multivalueheaders": true, "cookies": true, "body": true, "isbase64encoded": true}

func isMember(name string) bool { return members[strings.ToLower(name)] }
func isHead(name string) bool   { return isMember(name) && !strings.EqualFold(name, "body") }

// Parse interprets a whole answer of size bytes, which it reads and does not hold: an object with a statusCode is in format
// 2.0, anything else is the body of a 200 of type application/json, as function URLs have it. An error is an ErrAnswer, or
// src's.
func Parse(src io.ReaderAt, size int64) (Answer, error) {
	plain := Answer{Head: Head{StatusCode: 200, Headers: Headers{"content-type": "application/json"}, Order: plainOrder}, Body: Body{src: src, n: size}}
	fields, err := object(io.NewSectionReader(src, 0, size), isMember, isHead)
	switch {
	case errors.Is(err, errNotJSON):
		return plain, nil
	case errors.Is(err, errTooLong):
		return Answer{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	case err != nil:
		return Answer{}, err
	}
	var code Status
	if f, ok := fields["statuscode"]; !ok || json.Unmarshal(f.kept, &code) != nil {
		return plain, nil
	}
	a := Answer{Formatted: true}
	if a.Head, err = headOf(fields); err != nil {
		return a, err
	}
	a.Body, err = bodyOf(src, fields)
	return a, err
}

var plainOrder = []string{"content-type"}

// headOf checks and decodes the members that make a head; one without a statusCode that can be read has 200.
func headOf(fields map[string]field) (Head, error) {
	h, code := Head{StatusCode: 200}, Status(200)
	for name, to := range map[string]any{"headers": &h.Headers, "multivalueheaders": &h.MultiValueHeaders, "cookies": &h.Cookies} {
		if f, ok := fields[name]; ok && json.Unmarshal(f.kept, to) != nil {
			return h, fmt.Errorf("%w: %s is %.40s; an HTTP answer has headers (an object of strings), cookies (a list of strings), body and isBase64Encoded", ErrAnswer, name, f.kept)
		}
	}
	h.Order = append(names(fields["headers"].kept), names(fields["multivalueheaders"].kept)...)
	if f, ok := fields["statuscode"]; ok && json.Unmarshal(f.kept, &code) == nil {
		h.StatusCode = int(code)
	}
	if h.StatusCode < 200 || h.StatusCode > 599 {
		return h, fmt.Errorf("%w: statusCode is %d; it takes 200 to 599", ErrAnswer, h.StatusCode)
	}
	return h, nil
}

// names are those of an object's members, in their order, each once.
func names(object json.RawMessage) (all []string) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for dec.More() {
		name, _ := dec.Token()
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return all
		}
		if s, ok := name.(string); ok && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// bodyOf finds the body. One that is not a string is sent as the JSON that it is; null is none.
func bodyOf(src io.ReaderAt, fields map[string]field) (Body, error) {
	var coded bool
	if f, ok := fields["isbase64encoded"]; ok && json.Unmarshal(f.kept, &coded) != nil {
		return Body{}, fmt.Errorf("%w: isBase64Encoded is %.40s; it takes true or false", ErrAnswer, f.kept)
	}
	f, ok := fields["body"]
	if !ok || !f.text && isNull(src, f) {
		return Body{}, nil
	}
	b := Body{src: src, off: f.off, n: f.n, escaped: f.text && f.escaped, coded: f.text && coded}
	if _, err := b.Size(); b.coded && err != nil {
		return b, fmt.Errorf("%w: isBase64Encoded is set but the body is not base64: %w", ErrAnswer, err)
	}
	return b, nil
}

func isNull(src io.ReaderAt, f field) bool {
	word := make([]byte, 4)
	_, err := src.ReadAt(word, f.off)
	return f.n == 4 && err == nil && string(word) == "null"
}
