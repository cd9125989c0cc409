package handler

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/videosdgx/videosdgx/functions/media"
)

// url answers a function-URL event: the clip itself, streamed, to who accepts video/mp4, its sound to who accepts audio/wav
// alone, else JSON.
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
		return jsonAnswer(http.StatusOK, "application/json", h.info()), nil
	case http.MethodPost:
	default:
		a := jsonAnswer(http.StatusMethodNotAllowed, "application/problem+json", Problem{Type: "about:blank", Title: "Method not allowed",
			Status: http.StatusMethodNotAllowed, Detail: "POST a request to make a clip; GET tells what the model takes."})
		a.Headers["Allow"] = "GET, HEAD, POST"
		return a, nil
	}
	body, err := eventBody(e)
	if err != nil {
		return nil, err
	}
	if e.RawPath == embedPath {
		return h.embed(ctx, body)
	}
	if isPing(body) {
		return jsonAnswer(http.StatusOK, "application/json", Pong{Pong: true, Model: h.d.Name}), nil
	}
	r, err := h.intake.read(ctx, body)
	if err != nil {
		return nil, err
	}
	switch accept := header(e.Headers, "accept"); {
	case r.Output == "stream":
		return h.asItComes(ctx, r)
	case r.Output == "" && h.streams(accept, r):
		return h.growing(ctx, r)
	case r.Output == "" && accepts(accept, "multipart/mixed"):
		return h.parts(ctx, r)
	case r.Output == "" && h.d.Sound && accepts(accept, "audio/wav") && !accepts(accept, "video/mp4"):
		r.Output = WAV
		return h.stream(ctx, r)
	case r.Output == "" && h.refused(accept, r):
		return h.notAcceptable(accept, r), nil
	case r.Output == "mp4" || r.Output == WAV || r.Output == "" && (accepts(accept, "video/mp4") || r.Width == 0 && accepts(accept, "audio/wav")):
		return h.stream(ctx, r)
	}
	res, err := h.whole(ctx, r)
	if err != nil {
		return nil, err
	}
	a := jsonAnswer(http.StatusOK, "application/json", res)
	a.Headers = withEngine(a.Headers, *res)
	return a, nil
}

func headers(f *media.File, res Result) map[string]string {
	all := map[string]string{
		"Content-Type":         f.Type,
		"Content-Length":       strconv.FormatInt(f.Size, 10),
		"Content-Disposition":  `inline; filename="` + clipName(f.Type) + `"`,
		"X-Videosdgx-Model":    res.Model,
		"X-Videosdgx-Seed":     strconv.FormatInt(res.Seed, 10),
		"X-Videosdgx-Frames":   strconv.Itoa(res.NumFrames),
		"X-Videosdgx-Fps":      strconv.FormatFloat(res.FPS, 'f', -1, 64),
		"X-Videosdgx-Latents":  res.Latents,
		"X-Videosdgx-Timings":  string(encode(res.Timings)),
		"X-Videosdgx-Duration": strconv.FormatFloat(duration(f, res), 'f', -1, 64),
	}
	return withEngine(all, res)
}

// withEngine adds the engine that made the clip, which the gateway tells in Server-Timing.
func withEngine(all map[string]string, res Result) map[string]string {
	if res.Engine != "" {
		all["X-Videosdgx-Engine"] = res.Engine
	}
	return all
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

// duration is in seconds: of the pictures, else of the sound.
func duration(f *media.File, res Result) float64 {
	if f.Frames > 0 {
		return rounded(float64(f.Frames) / res.FPS)
	}
	return rounded(f.Seconds)
}

func clipName(mediaType string) string {
	if mediaType == "audio/wav" {
		return "sound.wav"
	}
	return "clip.mp4"
}
