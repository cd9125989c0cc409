package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// Error is an answer of 400 or above.
type Error struct {
	Status  int
	Type    string // the server's error type, "" if it named none
	Message string // as the server sent it

	RetryAfter time.Duration // when the server says to ask again; 0: it does not
}

// Error is the message, without what would steer a terminal or turn its text around: who answers may be anybody.
func (e *Error) Error() string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, e.Message)
}

// IsNotFound says that what was asked for is not there.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// readError understands Lambda's error bodies ("message" or "Message"), problem details and {"error": …}.
func readError(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, Type: resp.Header.Get("X-Amzn-Errortype"), RetryAfter: retryAfter(resp.Header, time.Now())}
	if isPage(mediaType(resp.Header)) {
		e.Message = resp.Status + ": the answer is a web page, not VideosDGX's: a proxy's, or of another server"
		return e
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return errorOf(resp.Status, e, b)
}

// mediaType is that of an answer without its parameters, in small letters; "": it names none.
func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

func isPage(kind string) bool { return kind == "text/html" || kind == "application/xhtml+xml" }

// stranger is the error of an answer that VideosDGX does not give.
func (c *Client) stranger(method, path, kind string) error {
	return fmt.Errorf("%s %s%s is answered with %s: is it a VideosDGX server?", method, c.server, path, cmp.Or(kind, "something of no kind"))
}

// errorOf fills e in from an error's body. A body that says nothing is shown as it is, after the response's status.
func errorOf(status string, e *Error, b []byte) *Error {
	var body struct {
		Status  int             `json:"status"`
		Message string          `json:"message"` // matches "Message" too: encoding/json folds case
		Detail  string          `json:"detail"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(b, &body) == nil {
		if e.Status == 0 {
			e.Status = body.Status
		}
		if e.Message = body.Message; e.Message == "" {
			e.Message = body.Detail
		}
		var nested struct{ Type, Message string }
		if e.Message == "" && json.Unmarshal(body.Error, &e.Message) != nil && json.Unmarshal(body.Error, &nested) == nil {
			e.Type, e.Message = nested.Type, nested.Message
		}
	}
	if e.Message == "" {
		e.Message = strings.TrimSpace(status + " " + string(b))
	}
	return e
}
