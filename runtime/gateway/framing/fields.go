package framing

import (
	"bytes"
	"net/http"
	"strings"
)

// field takes a line of a head. An empty one ends it.
func (w *Watch) field(b []byte) {
	if len(b) == 0 {
		w.ended()
		return
	}
	name, value, ok := w.split(b)
	if !ok {
		return
	}
	h := &w.head
	switch {
	case !isToken(name):
		w.bad = "a header's name has a character that none may have"
	case hasControl(value):
		w.bad = "a header's value has a control character"
	case is(name, "host"):
		if h.host {
			w.bad = "the request has several Host headers"
		} else if !only(value, &hostBytes) {
			w.bad = "the Host header is no name of a host"
		}
		h.host = true
	case is(name, "expect") && len(value) > 0 && !continues(value):
		w.refuse(http.StatusExpectationFailed, "of Expect nothing but 100-continue is known here: leave it out")
	case is(name, "content-length"):
		if h.length {
			w.bad = "the request has several Content-Length headers"
		}
		h.length = true
		if h.size, ok = decimal(value); !ok && w.bad == "" {
			w.bad = "Content-Length is no number of bytes"
		}
	case is(name, "transfer-encoding"):
		if h.coded {
			w.bad = "the request has several Transfer-Encoding headers"
		}
		h.coded, h.chunked = true, is(value, "chunked")
	default:
		return
	}
	switch {
	case w.bad != "":
	case h.coded && h.length:
		w.bad = "the request has both Transfer-Encoding and Content-Length: send one of them"
	case h.coded && h.old:
		w.bad = "Transfer-Encoding is for HTTP/1.1: send Content-Length, or HTTP/1.1"
	}
}

// split takes a field apart; false where it is none.
func (w *Watch) split(b []byte) (name, value []byte, ok bool) {
	at := bytes.IndexByte(b, ':')
	switch {
	case b[0] == ' ' || b[0] == '\t':
		w.bad = "a header goes on in a second line: write it in one"
	case at <= 0 || b[at-1] == ' ' || b[at-1] == '\t':
		w.bad = "a header has no name, or a blank before its colon"
	default:
		return b[:at], bytes.Trim(b[at+1:], " \t"), true
	}
	return nil, nil, false
}

// ended says what comes after a head.
func (w *Watch) ended() {
	switch h := w.head; {
	case h.needsHost && !h.host:
		w.bad = "the request names no host: send a Host header"
	case h.chunked:
		w.state = size
	case h.coded:
		w.refuse(http.StatusNotImplemented, "of Transfer-Encoding nothing but chunked is known here")
	case h.size > 0:
		w.state, w.body = counted, h.size
	default:
		w.begin()
	}
}

// trailing takes a line of a trailer, which may say nothing of where messages end.
func (w *Watch) trailing(b []byte) {
	if len(b) == 0 {
		w.begin()
		return
	}
	if name, _, ok := w.split(b); ok && (is(name, "host") || is(name, "content-length") || is(name, "transfer-encoding")) {
		w.bad = "a header that belongs before the body comes after it"
	}
}

// continues says whether a list of expectations (RFC 9110, 10.1.1) has 100-continue and no other. Elements may be empty (5.6.1).
func continues(list []byte) (found bool) {
	for e := range bytes.SplitSeq(list, []byte(",")) {
		e = bytes.Trim(e, " \t")
		if len(e) > 0 && !is(e, "100-continue") {
			return false
		}
		found = found || len(e) > 0
	}
	return found
}

// is says whether b is a word, in any case.
func is(b []byte, word string) bool { return len(b) == len(word) && strings.EqualFold(string(b), word) }

// decimal reads a number of at most 18 digits, which an int64 holds.
func decimal(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return n, true
}

// sized takes the line before a chunk: its size, and extensions, which nobody reads.
func (w *Watch) sized(b []byte) {
	digits := 0
	for w.body = 0; digits < len(b); digits++ {
		v, ok := hex(b[digits])
		if !ok {
			break
		}
		w.body = w.body<<4 | v
	}
	rest := bytes.TrimLeft(b[digits:], " \t")
	w.told += len(rest)
	switch {
	case digits == 0 || digits > 15 || len(b) > digits && (len(rest) == 0 || rest[0] != ';'):
		w.bad = "a chunk's size is no hexadecimal number"
	case w.told > maxTold:
		w.bad = "the chunks of a body have more than 16 KiB of extensions"
	case bytes.ContainsFunc(rest, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		w.bad = "a chunk's extension has a control character"
	case w.body == 0:
		w.state = trailer
	default:
		w.state = chunk
	}
}

func hex(c byte) (uint64, bool) {
	switch {
	case c >= '0' && c <= '9':
		return uint64(c - '0'), true
	case c >= 'a' && c <= 'f':
		return uint64(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return uint64(c-'A') + 10, true
	}
	return 0, false
}
