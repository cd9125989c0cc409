package urlevent

import (
	"bufio"
	"bytes"
	"io"
)

// readPrelude parses the head of a streamed answer and gives the reader of its body. An empty one stands for status 200.
func readPrelude(r io.Reader) (Head, io.Reader, error) {
	br := bufio.NewReaderSize(r, 32<<10)
	text, err := SplitPrelude(br)
	if err != nil {
		return Head{}, nil, err
	}
	h, err := ParsePrelude(text)
	return h, br, err
}

// parseBuffered is Parse for an answer in memory.
func parseBuffered(b []byte) (Head, []byte, error) {
	a, err := Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return Head{}, nil, err
	}
	body, err := io.ReadAll(a.Body.Open())
	return a.Head, body, err
}
