package urlevent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxPrelude bounds the JSON before a streamed body, in bytes.
const MaxPrelude = 128 << 10

// Integration is the content type of a streamed answer that begins with a prelude.
const Integration = "application/vnd.awslambda.http-integration-response"

// delimiter parts prelude and body: eight zero bytes, as Lambda's HTTP integration has it.
var delimiter = make([]byte, 8)

// ErrPrelude says that a streamed answer does not begin as an HTTP answer must.
var ErrPrelude = errors.New("a streamed HTTP answer must begin with a prelude: JSON {statusCode, headers, cookies} and eight zero bytes")

// SplitPrelude reads the JSON before a streamed body and the eight zero bytes that end it; what br gives next is the
// body. JSON holds no zero byte, so the first one must begin the eight. What has another form is an ErrPrelude.
func SplitPrelude(br *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		part, err := br.ReadSlice(0)
		if head = append(head, part...); len(bytes.TrimSuffix(head, delimiter[:1])) > MaxPrelude {
			return nil, fmt.Errorf("%w; there is none within %d bytes", ErrPrelude, MaxPrelude)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, preludeError(err, len(head))
		}
	}
	rest := make([]byte, len(delimiter)-1)
	if _, err := io.ReadFull(br, rest); err != nil {
		return nil, preludeError(err, len(head))
	}
	if !bytes.Equal(rest, delimiter[1:]) {
		return nil, ErrPrelude
	}
	return head[:len(head)-1], nil
}

func preludeError(err error, read int) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w; it ended after %d bytes", ErrPrelude, read)
	}
	return fmt.Errorf("read the function's answer: %w", err)
}

// ParsePrelude reads the JSON before a streamed body. An empty one stands for status 200. An error is an ErrAnswer.
func ParsePrelude(text []byte) (Head, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return Head{StatusCode: 200}, nil
	}
	fields, err := object(bytes.NewReader(text), isMember, isHead)
	if err != nil {
		return Head{}, fmt.Errorf("%w: %w: %w", ErrAnswer, ErrPrelude, err)
	}
	return headOf(fields)
}
