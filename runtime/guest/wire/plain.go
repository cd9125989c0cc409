package wire

import (
	"encoding/json"
	"strconv"
	"strings"
)

// The heads that every call has are written and read here, since reflection takes as long for them as all else that is done with a
// frame. They are JSON: what is not plain (an escape, a null, a name that is not known) is left to encoding/json.

// Append writes h as JSON behind b.
func (h *InvokeHead) Append(b []byte) []byte {
	o := object{b: b}
	o.text("id", h.ID)
	o.number("deadlineMs", h.DeadlineMs)
	o.text("arn", h.ARN)
	o.text("traceId", h.TraceID)
	o.text("clientContext", h.ClientContext)
	o.text("identity", h.Identity)
	o.flag("tail", h.Tail)
	o.number("cancelGraceMs", h.CancelGraceMs)
	o.number("size", h.Size)
	o.flag("keep", h.Keep)
	return o.end()
}

// Parse reads what Append, or encoding/json, has written.
func (h *InvokeHead) Parse(b []byte) error {
	*h = InvokeHead{}
	m := members{rest: string(b)}
	for m.next() {
		switch m.name {
		case "id":
			h.ID = m.text()
		case "deadlineMs":
			h.DeadlineMs = m.number()
		case "arn":
			h.ARN = m.text()
		case "traceId":
			h.TraceID = m.text()
		case "clientContext":
			h.ClientContext = m.text()
		case "identity":
			h.Identity = m.text()
		case "tail":
			h.Tail = m.flag()
		case "cancelGraceMs":
			h.CancelGraceMs = m.number()
		case "size":
			h.Size = m.number()
		case "keep":
			h.Keep = m.flag()
		default:
			m.odd = true
		}
	}
	if !m.odd {
		return nil
	}
	*h = InvokeHead{}
	return json.Unmarshal(b, h)
}

// Append writes h as JSON behind b.
func (h *ResponseHead) Append(b []byte) []byte {
	o := object{b: b}
	o.text("contentType", h.ContentType)
	o.flag("streaming", h.Streaming)
	o.text("functionError", h.FunctionError)
	return o.end()
}

// Parse reads what Append, or encoding/json, has written.
func (h *ResponseHead) Parse(b []byte) error {
	*h = ResponseHead{}
	m := members{rest: string(b)}
	for m.next() {
		switch m.name {
		case "contentType":
			h.ContentType = m.text()
		case "streaming":
			h.Streaming = m.flag()
		case "functionError":
			h.FunctionError = m.text()
		default:
			m.odd = true
		}
	}
	if !m.odd {
		return nil
	}
	*h = ResponseHead{}
	return json.Unmarshal(b, h)
}

// Plain says whether Append can write e: it has no error's body and no log.
func (e *InvokeEnd) Plain() bool { return len(e.ErrorBody) == 0 && len(e.LogTail) == 0 }

// Append writes e, which is Plain, as JSON behind b.
func (e *InvokeEnd) Append(b []byte) []byte {
	o := object{b: b}
	o.text("functionError", e.FunctionError)
	o.text("errorType", e.ErrorType)
	o.number("maxMemory", e.MaxMemory)
	o.number("runMicros", e.RunMicros)
	o.flag("kept", e.Kept)
	return o.end()
}

// Parse reads what Append, or encoding/json, has written.
func (e *InvokeEnd) Parse(b []byte) error {
	*e = InvokeEnd{}
	m := members{rest: string(b)}
	for m.next() {
		switch m.name {
		case "functionError":
			e.FunctionError = m.text()
		case "errorType":
			e.ErrorType = m.text()
		case "maxMemory":
			e.MaxMemory = m.number()
		case "runMicros":
			e.RunMicros = m.number()
		case "kept":
			e.Kept = m.flag()
		default:
			m.odd = true
		}
	}
	if !m.odd {
		return nil
	}
	*e = InvokeEnd{}
	return json.Unmarshal(b, e)
}

// object is one that is being written. Members of no value are left out.
type object struct {
	b    []byte
	some bool
}

func (o *object) name(s string) {
	sep := byte(',')
	if !o.some {
		o.some, sep = true, '{'
	}
	o.b = append(append(append(o.b, sep, '"'), s...), '"', ':')
}

func (o *object) text(name, v string) {
	if v == "" {
		return
	}
	o.name(name)
	if plain(v) {
		o.b = append(append(append(o.b, '"'), v...), '"')
		return
	}
	quoted, _ := json.Marshal(v) // of a string: cannot fail
	o.b = append(o.b, quoted...)
}

func (o *object) number(name string, v int64) {
	if v != 0 {
		o.name(name)
		o.b = strconv.AppendInt(o.b, v, 10)
	}
}

func (o *object) flag(name string, v bool) {
	if v {
		o.name(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) end() []byte {
	if !o.some {
		o.b = append(o.b, '{')
	}
	return append(o.b, '}')
}

// plain says whether s stands in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// members walks over those of a plain object without spaces. odd says that it is not one: then nothing that was read counts.
type members struct {
	rest        string // from behind the last member
	name, value string
	quoted      bool // the value is a text
	begun, odd  bool
}

// next reads one member; false at the object's end, and where it is odd.
func (m *members) next() bool {
	opens := byte(',')
	switch {
	case m.odd || m.begun && m.rest == "}" || !m.begun && m.rest == "{}":
		return false
	case !m.begun:
		m.begun, opens = true, '{'
	}
	m.skip(opens)
	m.name = m.string()
	m.skip(':')
	if m.quoted = strings.HasPrefix(m.rest, `"`); m.quoted {
		m.value = m.string()
		return !m.odd
	}
	end := strings.IndexAny(m.rest, ",}")
	if end < 0 {
		m.odd = true
		return false
	}
	m.value, m.rest = m.rest[:end], m.rest[end:]
	return !m.odd
}

func (m *members) skip(c byte) {
	if m.rest == "" || m.rest[0] != c {
		m.odd, m.rest = true, ""
		return
	}
	m.rest = m.rest[1:]
}

func (m *members) string() (s string) {
	m.skip('"')
	end := strings.IndexByte(m.rest, '"')
	if end < 0 || !plain(m.rest[:end]) {
		m.odd, m.rest = true, ""
		return ""
	}
	s, m.rest = m.rest[:end], m.rest[end+1:]
	return s
}

func (m *members) text() string {
	m.odd = m.odd || !m.quoted
	return m.value
}

func (m *members) number() int64 {
	digits := strings.TrimPrefix(m.value, "-")
	if m.quoted || digits == "" || len(digits) > 18 || len(digits) > 1 && digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		m.odd = true
		return 0
	}
	n, _ := strconv.ParseInt(m.value, 10, 64) // of at most 18 digits: cannot fail
	return n
}

func (m *members) flag() bool {
	m.odd = m.odd || m.quoted || m.value != "true" && m.value != "false"
	return m.value == "true"
}
