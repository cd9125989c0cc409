package gateway

import (
	"context"
	"net/http"
)

type leavingContext struct{}

// Following gives a context for an answer that lasts as long as its reader stays, such as a log that is followed: it ends with the
// request, and as soon as the server begins to stop, which would wait for it otherwise. cancel must be called.
func Following(r *http.Request) (ctx context.Context, cancel func()) {
	ctx, end := context.WithCancel(r.Context())
	leaving, ok := r.Context().Value(leavingContext{}).(context.Context)
	if !ok {
		return ctx, end
	}
	stop := context.AfterFunc(leaving, end)
	return ctx, func() { stop(); end() }
}
