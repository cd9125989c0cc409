package urlevent

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Head is what a function says before its body.
type Head struct {
	StatusCode int      `json:"statusCode"`
	Headers    Headers  `json:"headers"`
	Cookies    []string `json:"cookies"`
}

// Headers are what a function names in its answer. Numbers and booleans count as they are written, null as left out.
type Headers map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (h *Headers) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*h = make(Headers, len(raw))
	for k, v := range raw {
		var s string
		switch {
		case string(v) == "null":
			continue
		case v[0] == '"':
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
		case v[0] == '{' || v[0] == '[':
			return fmt.Errorf("header %q is not a single value", k)
		default:
			s = string(v)
		}
		(*h)[k] = s
	}
	return nil
}

// Status is a statusCode, which some functions write as a string.
type Status int

// UnmarshalJSON implements json.Unmarshaler.
func (s *Status) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	*s = Status(n)
	return err
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
		StatusCode *Status `json:"statusCode"`
		Body       *string `json:"body"`
		Base64     bool    `json:"isBase64Encoded"`
	}
	if json.Unmarshal(b, &v) != nil || v.StatusCode == nil {
		//nolint:nilerr // any other JSON, and what is none, is a body
		return Head{StatusCode: 200, Headers: map[string]string{"content-type": "application/json"}}, b, nil
	}
	v.Head.StatusCode = int(*v.StatusCode)
	if err := checkStatus(v.Head.StatusCode); err != nil {
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
