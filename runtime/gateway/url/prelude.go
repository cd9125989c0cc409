package url

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// open gives the head of a streamed answer and its body. Without a prelude the status is 200 and the type what the
// function named. The head of a buffered answer is in its body: it has none here.
func open(res *spec.Result) (answer, io.Reader, error) {
	if !res.Streaming {
		return answer{}, res.Body, nil
	}
	if res.ContentType != urlevent.Integration {
		content := res.ContentType
		if content == "" {
			content = "application/octet-stream"
		}
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {content}}}, res.Body, nil
	}
	br := bufio.NewReaderSize(res.Body, 4<<10)
	head, err := urlevent.SplitPrelude(br)
	if errors.Is(err, urlevent.ErrPrelude) {
		return answer{}, nil, errBadAnswer("%w", err)
	}
	if err != nil {
		return answer{}, nil, err
	}
	var out output
	if err := json.Unmarshal(head, &out); err != nil {
		return answer{}, nil, errBadAnswer("%w: %w", urlevent.ErrPrelude, err)
	}
	a, err := out.head()
	return a, br, err
}
