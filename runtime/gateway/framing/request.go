package framing

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Fault is why a request is refused before anybody has read it.
type Fault struct {
	Status         int    // that it is answered with
	Why            string // in a sentence, without its end
	Method, Target string // of the request, cut, as far as they are known
	Head           bool   // it is in a head: nobody answers that request yet
}

func (f *Fault) Error() string { return f.Why }

// maxKept is how much of a request line is kept for who is told of a fault further on, in bytes.
const maxKept = 2 << 10

func (w *Watch) refuse(status int, why string) { w.code, w.bad = status, why }

// fault is what is wrong; nil: nothing yet.
func (w *Watch) fault() *Fault {
	if w.bad == "" {
		return nil
	}
	method, rest, _ := strings.Cut(string(w.asked), " ")
	target, _, _ := strings.Cut(rest, " ")
	f := &Fault{Status: w.code, Why: w.bad, Method: method, Target: target, Head: w.state == first || w.state == fields}
	if f.Status == 0 {
		f.Status = http.StatusBadRequest
	}
	return f
}

func (w *Watch) request(b []byte) {
	if len(b) == 0 {
		if w.blank++; !w.posted || w.blank > 2 { // RFC 9112, 2.2, as net/http has it: after a POST of old clients
			w.bad = "an empty line stands before the request"
		}
		return
	}
	w.asked = append(w.asked[:0], b[:min(len(b), maxKept)]...)
	method, rest, ok := bytes.Cut(b, []byte(" "))
	target, version, all := bytes.Cut(rest, []byte(" "))
	switch {
	case bytes.HasPrefix(b, []byte("PRI * HTTP/2")):
		w.bad = "HTTP/2 is spoken over TLS here, and agreed on before (ALPN h2)"
	case !ok || !all || !isVersion(version):
		w.bad = "the request does not begin with a line like GET /path HTTP/1.1"
	case version[5] != '1':
		w.refuse(http.StatusHTTPVersionNotSupported, fmt.Sprintf("%s is not spoken here: HTTP/1.1 is", version))
	case !isToken(method):
		w.bad = "the request's method has a character that none may have"
	default:
		w.bad = wrongTarget(method, target)
	}
	w.head.old = !bytes.Equal(version, []byte("HTTP/1.1"))
	w.head.needsHost = !bytes.Equal(version, []byte("HTTP/1.0")) && !bytes.Equal(method, []byte("CONNECT"))
	w.state, w.blank, w.posted = fields, 0, string(method) == http.MethodPost
}

func isVersion(b []byte) bool {
	return len(b) == len("HTTP/1.1") && bytes.HasPrefix(b, []byte("HTTP/")) && isDigit(b[5]) && b[6] == '.' && isDigit(b[7])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// wrongTarget says why net/http would not read a target; "": it would.
func wrongTarget(method, target []byte) string {
	if isPlain(target) {
		return ""
	}
	text := string(target)
	if string(method) == http.MethodConnect && !strings.HasPrefix(text, "/") {
		text = "http://" + text
	}
	_, err := url.ParseRequestURI(text)
	var escape url.EscapeError
	var why *url.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &escape):
		return "the path has " + strconv.Quote(string(escape)) + ": a percent sign stands before two hexadecimal digits, and is %25 itself"
	case errors.As(err, &why):
		err = why.Err
	}
	return "what is asked for cannot be read as an address: " + err.Error()
}

// isPlain says whether a target is a path, and maybe a query, in which nothing could be wrong.
func isPlain(target []byte) bool {
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '%' {
			return false
		}
	}
	return len(target) > 0 && target[0] == '/'
}

// tokens are the bytes of a token (RFC 9110, 5.6.2), hostBytes those that may be in a Host header, as net/http has it.
var tokens, hostBytes = bytesOf("!#$%&'*+-.^_`|~"), bytesOf("!$%&'()*+,-.:;=[]_~")

// bytesOf are letters, digits and more.
func bytesOf(more string) (all [256]bool) {
	for _, c := range []byte(more + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		all[c] = true
	}
	return all
}

func isToken(b []byte) bool { return len(b) > 0 && only(b, &tokens) }

func only(b []byte, of *[256]bool) bool {
	for _, c := range b {
		if !of[c] {
			return false
		}
	}
	return true
}

// hasControl says whether a header's value has a character that none may have.
func hasControl(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
