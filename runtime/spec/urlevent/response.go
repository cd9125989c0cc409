package urlevent

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Head is what a function says before its body.
type Head struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Cookies    []string          `json:"cookies"`
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
	if json.Unmarshal(b, &v) != nil || v.StatusCode == nil {
		//nolint:nilerr // any other JSON, and what is none, is a body
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
