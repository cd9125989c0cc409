package handler

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// accepts: the type is named, itself or by its first half, and not refused with q=0. A bare */* gets JSON.
func accepts(accept, want string) bool {
	first, _, _ := strings.Cut(want, "/")
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || kind != want && (kind != first+"/*" || first == "multipart") {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); err != nil || q > 0 {
			return true
		}
	}
	return false
}

// files are the types that a request's file may be had in: sound where the model makes it, alone or beside pictures.
func (h *Handler) files(r Request) []string {
	switch {
	case r.Width == 0:
		return []string{"audio/wav"}
	case h.d.Sound:
		return []string{"video/mp4", "audio/wav"}
	}
	return []string{"video/mp4"}
}

// refused says whether Accept takes nothing of what there is. Events are what a gateway makes of an answer.
func (h *Handler) refused(accept string, r Request) bool {
	other := append(h.files(r), "application/json", "multipart/mixed", "text/event-stream", "*/*")
	return strings.Trim(accept, " \t,") != "" && !slices.ContainsFunc(other, func(kind string) bool { return accepts(accept, kind) })
}

// notAcceptable is a 406 that says what would do (RFC 9110, 15.5.7).
func (h *Handler) notAcceptable(accept string, r Request) events.LambdaFunctionURLResponse {
	detail := "There is nothing of what Accept asks for: "
	if r.Width > 0 && !h.d.Sound && accepts(accept, "audio/wav") {
		detail += silent(h.d) + ": "
	}
	return jsonAnswer(http.StatusNotAcceptable, "application/problem+json", Problem{Type: "about:blank", Title: "Not acceptable", Status: http.StatusNotAcceptable,
		Detail: detail + strings.Join(h.files(r), ", ") + " or application/json would do."})
}

// silent says why there is no sound.
func silent(d Description) string {
	if why := d.Absent["output"]; why != "" {
		return why
	}
	return "this model makes no sound"
}
