package handler

import (
	"context"
	"errors"
	"net/http"
)

// ErrCancelled is the cause of a context that the caller's cancel ended.
var ErrCancelled = errors.New("the request was cancelled")

// watchCancel ends the returned context when the runtime says that the invocation was cancelled. The returned function
// ends the watching and waits for it.
func watchCancel(ctx context.Context, api *runtimeAPI, id string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if !api.has("cancel") || id == "" {
		return ctx, func() { cancel(nil) }
	}
	done := make(chan struct{})
	poll, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(done)
		status, err := api.call(poll, http.MethodGet, "/invocation/"+id+"/cancellation", "", nil)
		if err == nil && status == http.StatusOK {
			cancel(ErrCancelled)
		}
	}()
	return ctx, func() {
		stop()
		<-done
		cancel(nil)
	}
}
