package urlevent

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxPrelude bounds the JSON before a streamed body, in bytes.
const MaxPrelude = 128 << 10

// delimiter parts prelude and body: eight zero bytes, as Lambda's HTTP integration has it.
var delimiter = make([]byte, 8)

// ErrPrelude says that a streamed answer does not begin as an HTTP answer must.
var ErrPrelude = errors.New("the function's streamed answer has no HTTP prelude: it must begin with JSON {statusCode, headers, cookies} and eight zero bytes")

// Head is what a function says before its body.
type Head struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Cookies    []string          `json:"cookies"`
}

// ReadPrelude parses the head of a streamed answer and gives the reader of its body.
func ReadPrelude(r io.Reader) (Head, io.Reader, error) {
	br := bufio.NewReaderSize(r, 32<<10)
	var text []byte
	for {
		b, err := br.ReadByte()
		if err != nil {
			return Head{}, nil, preludeError(err)
		}
		if b == 0 {
			break
		}
		if text = append(text, b); len(text) > MaxPrelude {
			return Head{}, nil, ErrPrelude
		}
	}
	zeros := make([]byte, len(delimiter)-1)
	if _, err := io.ReadFull(br, zeros); err != nil {
		return Head{}, nil, preludeError(err)
	}
	if !bytes.Equal(zeros, delimiter[1:]) {
		return Head{}, nil, ErrPrelude
	}
	h, err := parseHead(text)
	return h, br, err
}

func preludeError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrPrelude
	}
	return fmt.Errorf("reading the function's answer: %w", err)
}

func parseHead(text []byte) (Head, error) {
	h := Head{StatusCode: 200}
	if len(bytes.TrimSpace(text)) == 0 {
		return h, nil
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return Head{}, fmt.Errorf("%w: %v", ErrPrelude, err)
	}
	return h, checkStatus(h.StatusCode)
}

func checkStatus(code int) error {
	if code < 100 || code > 599 {
		return fmt.Errorf("the function answered with status %d: an HTTP status lies in 100…599", code)
	}
	return nil
}

// ParseBuffered reads a whole answer. JSON without statusCode is taken as the body of a 200, as function URLs do.
func ParseBuffered(b []byte) (Head, []byte, error) {
	var v struct {
		Head
		StatusCode *int    `json:"statusCode"`
		Body       *string `json:"body"`
		Base64     bool    `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(b, &v); err != nil || v.StatusCode == nil {
		return Head{StatusCode: 200, Headers: map[string]string{"content-type": "application/json"}}, b, nil
	}
	v.Head.StatusCode = *v.StatusCode
	if err := checkStatus(*v.StatusCode); err != nil {
		return Head{}, nil, err
	}
	if v.Body == nil {
		return v.Head, nil, nil
	}
	if !v.Base64 {
		return v.Head, []byte(*v.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(*v.Body)
	if err != nil {
		return Head{}, nil, fmt.Errorf("the function's answer says isBase64Encoded, but its body is not base64: %w", err)
	}
	return v.Head, body, nil
}
