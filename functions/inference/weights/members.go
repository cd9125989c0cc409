package weights

import (
	"bytes"
	"encoding/json"
)

// skipped takes a value of valid JSON and keeps nothing.
type skipped struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// members walks the members of an object of valid JSON without building anything.
type members struct {
	raw   []byte
	at    int
	key   []byte // with its quotes
	value json.RawMessage
}

// next steps to a member; false at the end of the object.
func (m *members) next() bool {
	m.space(',')
	if m.raw[m.at] == '}' {
		return false
	}
	m.key = m.word()
	m.space(':')
	m.value = m.word()
	return true
}

func (m *members) name() (name string, err error) {
	if inner := m.key[1 : len(m.key)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), nil
	}
	return name, json.Unmarshal(m.key, &name)
}

// space skips blanks and one kind of punctuation.
func (m *members) space(mark byte) {
	for c := m.raw[m.at]; c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == mark; c = m.raw[m.at] {
		m.at++
	}
}

// word takes one value.
func (m *members) word() []byte {
	from := m.at
	switch m.raw[m.at] {
	case '"':
		m.quoted()
	case '{', '[':
		m.nested()
	default:
		m.at += bytes.IndexAny(m.raw[m.at:], ",]} \n\r\t")
	}
	return m.raw[from:m.at]
}

func (m *members) nested() {
	for depth := 0; ; {
		switch m.raw[m.at] {
		case '"':
			m.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		m.at++
		if depth == 0 {
			return
		}
	}
}

func (m *members) quoted() {
	for m.at++; m.raw[m.at] != '"'; m.at++ {
		if m.raw[m.at] == '\\' {
			m.at++
		}
	}
	m.at++
}
