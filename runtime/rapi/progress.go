package rapi

import (
	"io"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// maxProgress bounds one report, in bytes; a preview frame fits.
const maxProgress = 768 << 10

// progress is POST /runtime/invocation/{id}/progress, an extension of ours announced in VIDEOSDGX_EXTENSIONS: a JSON
// object {phase, step, steps, seconds, preview, message} on its way to whoever waits for the answer.
func (s *Server) progress(w *http1.Reply, r *http1.Request, c *Call) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxProgress+1))
	switch {
	case err != nil || len(b) > maxProgress:
		fail(w, 413, "RequestEntityTooLarge", "a progress report may have 768 KiB")
	case validJSON(b) == nil || b[0] != '{':
		fail(w, 400, "InvalidProgress", "a progress report is a JSON object")
	default:
		c.report(b)
		ok(w)
	}
}

func (c *Call) report(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.abandoned && (c.state == held || c.state == answering) {
		c.sink.Progress(b)
	}
}
