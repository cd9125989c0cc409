package http1

import "strings"

// Request is one request's head, and its body as a stream.
type Request struct {
	Method string
	Path   string // without a query
	Header Header
	Body   *Body
	close  bool // the client wants no further request on this connection
}

// Header is a list of fields, in order.
type Header []Field

// Field is one header line; the name is as the client wrote it.
type Field struct{ Name, Value string }

// Get gives the first value of a name, whatever its case; "" if there is none.
func (h Header) Get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// all gives every value of a name.
func (h Header) all(name string) (values []string) {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			values = append(values, h[i].Value)
		}
	}
	return values
}

// hasToken says whether a comma-separated field holds a token.
func (h Header) hasToken(name, token string) bool {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			for t := range strings.SplitSeq(h[i].Value, ",") {
				if strings.EqualFold(strings.TrimSpace(t), token) {
					return true
				}
			}
		}
	}
	return false
}
