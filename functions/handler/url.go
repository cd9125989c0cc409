package handler

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/videosdgx/videosdgx/functions/media"
)

// url answers a function-URL event: the clip itself, streamed, to who accepts video/mp4, else JSON.
func (h *Handler) url(ctx context.Context, e events.LambdaFunctionURLRequest) any {
	answer, err := h.urlAnswer(ctx, e)
	if err == nil {
		return answer
	}
	h.logFailure(err)
	p, _ := problem(err)
	return jsonAnswer(p.Status, "application/problem+json", p)
}

func (h *Handler) urlAnswer(ctx context.Context, e events.LambdaFunctionURLRequest) (any, error) {
	switch e.RequestContext.HTTP.Method {
	case http.MethodGet, http.MethodHead:
		return jsonAnswer(http.StatusOK, "application/json", h.d), nil
	case http.MethodPost:
	default:
		a := jsonAnswer(http.StatusMethodNotAllowed, "application/problem+json", Problem{Type: "about:blank", Title: "Method not allowed",
			Status: http.StatusMethodNotAllowed, Detail: "POST a request to make a clip; GET tells what the model takes."})
		a.Headers["Allow"] = "GET, HEAD, POST"
		return a, nil
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, &InvalidError{Fields: []FieldError{{Detail: "the body is not in base64, though the event says so."}}}
		}
	}
	if isPing(body) {
		return jsonAnswer(http.StatusOK, "application/json", Pong{Pong: true, Model: h.d.Name}), nil
	}
	r, err := ParseRequest(body, h.d)
	if err != nil {
		return nil, err
	}
	if r.Output == "mp4" || acceptsVideo(header(e.Headers, "accept")) {
		return h.stream(ctx, r)
	}
	res, err := h.whole(ctx, r)
	if err != nil {
		return nil, err
	}
	return jsonAnswer(http.StatusOK, "application/json", res), nil
}

// stream makes a clip and streams its file, which goes away with the answer.
func (h *Handler) stream(ctx context.Context, r Request) (any, error) {
	f, res, err := h.generate(ctx, r)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(f.Path)
	remove(f) // the open file stays readable
	if err != nil {
		return nil, fmt.Errorf("the clip has gone: %w", err)
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusOK, Headers: headers(f, res), Body: file}, nil
}

func headers(f *media.File, res Result) map[string]string {
	return map[string]string{
		"Content-Type":         "video/mp4",
		"Content-Length":       strconv.FormatInt(f.Size, 10),
		"Content-Disposition":  `inline; filename="clip.mp4"`,
		"X-Videosdgx-Model":    res.Model,
		"X-Videosdgx-Seed":     strconv.FormatInt(res.Seed, 10),
		"X-Videosdgx-Frames":   strconv.Itoa(res.NumFrames),
		"X-Videosdgx-Fps":      strconv.FormatFloat(res.FPS, 'f', -1, 64),
		"X-Videosdgx-Latents":  res.Latents,
		"X-Videosdgx-Timings":  string(encode(res.Timings)),
		"X-Videosdgx-Duration": strconv.FormatFloat(rounded(float64(res.NumFrames)/res.FPS), 'f', -1, 64),
	}
}

func jsonAnswer(status int, contentType string, v any) events.LambdaFunctionURLResponse {
	return events.LambdaFunctionURLResponse{StatusCode: status, Headers: map[string]string{"Content-Type": contentType}, Body: string(encode(v))}
}

func header(all map[string]string, name string) string {
	for k, v := range all {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// acceptsVideo: video/mp4 is named, and not refused with q=0. A bare */* gets JSON.
func acceptsVideo(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err == nil && (kind == "video/mp4" || kind == "video/*") && params["q"] != "0" {
			return true
		}
	}
	return false
}

var _ io.ReadCloser = (*events.LambdaFunctionURLStreamingResponse)(nil)
