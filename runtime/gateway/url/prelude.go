package url

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// integration is the content type of a streamed answer that begins with a prelude.
const integration = "application/vnd.awslambda.http-integration-response"

// maxPrelude bounds a prelude, in bytes.
const maxPrelude = 64 << 10

// openStream gives the head of a streamed answer and its body. Without a prelude the status is 200 and the type what the
// function named.
func openStream(res *spec.Result) (answer, io.Reader, error) {
	if res.ContentType != integration {
		content := res.ContentType
		if content == "" {
			content = "application/octet-stream"
		}
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {content}}}, res.Body, nil
	}
	br := bufio.NewReaderSize(res.Body, 4<<10)
	head, err := readPrelude(br)
	if err != nil {
		return answer{}, nil, err
	}
	var out output
	if err := json.Unmarshal(head, &out); err != nil {
		return answer{}, nil, errBadAnswer("%w: %w", errPrelude, err)
	}
	a, err := out.head()
	return a, br, err
}

// readPrelude reads JSON up to the eight zero bytes that end it. JSON holds no zero byte, so the first one must begin
// the eight.
func readPrelude(br *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		part, err := br.ReadSlice(0)
		if head = append(head, part...); len(head) > maxPrelude {
			return nil, errBadAnswer("%w: none within %d bytes", errPrelude, maxPrelude)
		}
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			if err == io.EOF {
				return nil, errBadAnswer("%w: it ended after %d bytes", errPrelude, len(head))
			}
			return nil, fmt.Errorf("read the function's answer: %w", err)
		}
	}
	rest := make([]byte, 7)
	if _, err := io.ReadFull(br, rest); err != nil || !bytes.Equal(rest, make([]byte, 7)) {
		return nil, errBadAnswer("%w", errPrelude)
	}
	return head[:len(head)-1], nil
}
