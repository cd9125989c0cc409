package rapi

import "github.com/videosdgx/videosdgx/runtime/rapi/http1"

const cancelledText = `{"cancelled":true}` + "\n"

// cancellation is GET /runtime/invocation/{id}/cancellation, an extension of ours: a long poll that is answered with 200
// when the invocation is cancelled and with 204 when it has ended.
func (s *Server) cancellation(w *http1.Reply, _ *http1.Request, c *Call) { c.watch(w) }
