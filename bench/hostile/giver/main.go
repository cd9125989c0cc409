// Command giver is a hostile function: it answers what the event asks for, of any size, without holding it. It speaks the
// Runtime API by itself.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		resp, err := http.Get(api + "next")
		if err != nil {
			fmt.Fprintln(os.Stderr, "giver:", err)
			os.Exit(1)
		}
		event, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		answer(api+resp.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", wishes(event))
	}
}

// wishes are an event's fields, or the query of the function URL that it came by.
func wishes(event []byte) url.Values {
	var e struct {
		RawQueryString string `json:"rawQueryString"`
		Wish           string `json:"wish"`
	}
	_ = json.Unmarshal(event, &e) // what asks for nothing gets the default
	q, _ := url.ParseQuery(e.RawQueryString + e.Wish)
	return q
}

// answer sends mb MiB in the form: whole (format 2.0), base64, plain (JSON that is no HTTP answer) or stream; or a page.
func answer(to string, q url.Values) {
	mb, _ := strconv.Atoi(q.Get("mb"))
	kind := q.Get("type")
	if kind == "" {
		kind = "text/plain"
	}
	var before, after, unit string
	header := http.Header{"Content-Type": {"application/json"}}
	unit = strings.Repeat("a", 64<<10)
	switch q.Get("form") {
	case "stream":
		before = `{"statusCode":200,"headers":{"Content-Type":"` + kind + `"}}` + strings.Repeat("\x00", 8)
		header.Set("Content-Type", "application/vnd.awslambda.http-integration-response")
		header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	case "base64":
		before, after = `{"body":"`, `","isBase64Encoded":true,"headers":{"Content-Type":"`+kind+`"},"statusCode":200}`
		unit = strings.Repeat("YWFh", 16<<10)
	case "plain":
		before, after = `"`, `"`
	default:
		before, after = `{"statusCode":200,"headers":{"Content-Type":"`+kind+`"},"body":"`, `"}`
	}
	if page := q.Get("page"); page != "" {
		b, _ := json.Marshal(page)
		before += strings.Trim(string(b), `"`)
	}
	body := io.MultiReader(strings.NewReader(before), &repeated{unit: unit, left: mb << 4}, strings.NewReader(after))
	req, _ := http.NewRequest(http.MethodPost, to, io.NopCloser(body))
	req.Header, req.ContentLength = header, -1
	if d, err := time.ParseDuration(q.Get("sleep")); err == nil {
		time.Sleep(d)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
}

// repeated gives a text several times.
type repeated struct {
	unit string
	at   int
	left int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.unit[r.at:])
	if r.at += n; r.at == len(r.unit) {
		r.at, r.left = 0, r.left-1
	}
	return n, nil
}
