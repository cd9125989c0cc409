package gateway

import "net/http"

// EventStream makes the head of a response that of server-sent events, which nobody on the way is to keep or collect.
func EventStream(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx must not collect events
}
