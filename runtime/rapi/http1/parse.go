package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxHead bounds a request's head or trailer, in bytes: Lambda allows an X-Ray cause of 1 MiB in one header.
const maxHead = 2 << 20

// badRequest is a request that breaks the protocol; status answers it before the connection closes.
type badRequest struct {
	status int
	why    string
}

func (e *badRequest) Error() string { return e.why }

func bad(format string, args ...any) error { return &badRequest{400, fmt.Sprintf(format, args...)} }

// readRequest parses one head; io.EOF when the client closed between requests.
func readRequest(br *bufio.Reader) (*Request, error) {
	budget := maxHead
	line, err := readLine(br, &budget)
	if err != nil {
		return nil, err
	}
	r := &Request{}
	minor, err := r.parseLine(string(line))
	if err != nil {
		return nil, err
	}
	if r.Header, err = readFields(br, &budget, readLine); err != nil {
		return nil, noEOF(err)
	}
	if minor == 0 && r.Header.Get("Transfer-Encoding") != "" {
		return nil, bad("HTTP/1.0 has no Transfer-Encoding")
	}
	r.close = minor == 0 || r.Header.hasToken("Connection", "close")
	r.Body, err = newBody(br, r.Header)
	return r, err
}

// parseLine reads "METHOD /path?query HTTP/1.x" and gives x.
func (r *Request) parseLine(line string) (minor int, err error) {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	switch {
	case !isToken(method):
		return 0, bad("malformed method in %q", shorten(line))
	case version == "HTTP/1.0":
	case version == "HTTP/1.1":
		minor = 1
	default:
		return 0, &badRequest{505, fmt.Sprintf("malformed or unsupported version in %q", shorten(line))}
	}
	if !strings.HasPrefix(target, "/") {
		return 0, bad("target %q does not start with /", shorten(target))
	}
	r.Method = method
	r.Path, _, _ = strings.Cut(target, "?")
	return minor, nil
}

// readFields reads header or trailer lines up to the empty one.
func readFields(br *bufio.Reader, budget *int, read func(*bufio.Reader, *int) ([]byte, error)) (Header, error) {
	h := make(Header, 0, 8)
	for {
		line, err := read(br, budget)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return h, nil
		}
		name, value, ok := strings.Cut(string(line), ":")
		if !ok || !isToken(name) {
			return nil, bad("malformed header line %q", shorten(string(line)))
		}
		h = append(h, Field{name, strings.Trim(value, " \t")})
	}
}

// readLine reads up to LF and drops an optional CR; the bytes are valid until the next read.
func readLine(br *bufio.Reader, budget *int) ([]byte, error) {
	line, err := readRaw(br, budget)
	return bytes.TrimSuffix(line, []byte{'\r'}), err
}

// readStrict reads up to CR LF, as chunk and trailer lines must end.
func readStrict(br *bufio.Reader, budget *int) ([]byte, error) {
	line, err := readRaw(br, budget)
	if err != nil {
		return nil, err
	}
	line, ok := bytes.CutSuffix(line, []byte{'\r'})
	if !ok {
		return nil, bad("a chunk or trailer line ends without CR LF")
	}
	return line, nil
}

// readRaw reads up to LF and drops it.
func readRaw(br *bufio.Reader, budget *int) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = readLong(br, line, *budget)
	}
	if *budget -= len(line); *budget < 0 {
		return nil, &badRequest{431, "request head too large"}
	}
	if err != nil {
		if len(line) > 0 {
			err = noEOF(err)
		}
		return nil, err
	}
	return line[:len(line)-1], nil
}

func readLong(br *bufio.Reader, start []byte, budget int) ([]byte, error) {
	line := bytes.Clone(start)
	for len(line) <= budget {
		more, err := br.ReadSlice('\n')
		line = append(line, more...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
	return line, nil // over budget: readLine refuses it
}

// contentLength gives -1 when there is none.
func contentLength(h Header) (int64, error) {
	n := int64(-1)
	for i := range h {
		if !strings.EqualFold(h[i].Name, "Content-Length") {
			continue
		}
		v, err := strconv.ParseUint(h[i].Value, 10, 62)
		if err != nil || n >= 0 && n != int64(v) {
			return 0, bad("bad Content-Length %q", shorten(h[i].Value))
		}
		n = int64(v)
	}
	return n, nil
}

// isToken says whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func shorten(s string) string { return s[:min(len(s), 80)] }

func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // bufio returns it bare
		return io.ErrUnexpectedEOF
	}
	return err
}
