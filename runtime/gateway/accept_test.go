package gateway_test

import (
	"net/http"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

func TestWantsOnly(t *testing.T) {
	for accept, want := range map[string]bool{
		"text/event-stream": true, "TEXT/Event-Stream": true, "text/event-stream;q=0.1": true, "text/event-stream; charset=utf-8": true, " text/event-stream ": true,
		"application/json;q=0, text/event-stream": true, "text/event-stream, text/event-stream;q=0.5": true,
		"application/json, text/event-stream": false, "text/event-stream, application/json": false, "text/event-stream, */*": false, "text/event-stream;q=1, */*;q=0.1": false,
		"text/event-stream;q=0": false, "text/*": false, "*/*": false, "": false, "text/event-streams": false, "x-text/event-stream": false, "application/json; a=\"text/event-stream\"": false,
		"text/event-stream, application json": false, "text/event-stream, json": false, "text/event-stream;": true, "text/event-stream, ,": true, ",text/event-stream": true, "json;q=0, text/event-stream": true,
	} {
		r := &http.Request{Header: http.Header{"Accept": {accept}}}
		if got := gateway.WantsOnly(r, "text/event-stream"); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	two := &http.Request{Header: http.Header{"Accept": {"application/json", "text/event-stream"}}}
	if gateway.WantsOnly(two, "text/event-stream") {
		t.Error("two headers are one list")
	}
}

func TestAcceptable(t *testing.T) {
	for accept, want := range map[string]bool{
		"": true, ", ,": true, "*/*": true, "video/*": true, "audio/wav, application/json;q=0.1": true, "text/html, */*;q=0.1": true, "application/json": true,
		"text/html": false, "audio/*": false, "application/json;q=0": false, "video/mp4;q=0, */*": true, "video/mp4;q=0, application/json;q=0, */*": false, "*/*;q=0": false, "json": false,
	} {
		r := &http.Request{Header: http.Header{"Accept": {accept}}}
		if got := gateway.Acceptable(r, "application/json", "video/mp4"); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if !gateway.Acceptable(&http.Request{}, "video/mp4") {
		t.Error("no header takes anything")
	}
}

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "video/mp4": "video/*", "VIDEO/MP4": "video/*", "video/*": "video/*", "video/webm;q=0.2": "video/*",
		"application/json, video/mp4": "application/json", "video/mp4, application/json": "video/*", "video/mp4, application/json;q=0.9": "video/*",
		"video/mp4;q=0.5, application/json": "application/json", "video/mp4;q=0, */*": "application/json", "video/mp4, */*;q=0.1": "video/*", "*/*, video/mp4;q=0.5": "application/json",
		"application/json;q=0, */*": "video/*", "text/html, */*;q=0.8": "application/json", "text/html": "application/json", "application/*;q=0.3, video/*;q=0.4": "video/*",
		"x-video/mp4": "application/json", `application/json; note="video/mp4"`: "application/json", "video/mp4;q=x": "video/*", ", ,": "application/json", "video/mp4;q=0.1, video/webm": "video/*",
	} {
		r := &http.Request{Header: http.Header{"Accept": {accept}}}
		if got := gateway.Negotiate(r, "application/json", "video/*"); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
	two := &http.Request{Header: http.Header{"Accept": {"application/json;q=0.5", "video/mp4"}}}
	if gateway.Negotiate(two, "application/json", "video/*") != "video/*" {
		t.Error("two headers are one list")
	}
}
