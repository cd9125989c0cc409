package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// logs sends what instances of a function have logged as plain text, and goes on with ?follow until the client leaves.
func (a *API) logs(w http.ResponseWriter, r *http.Request) error {
	name, follow := r.PathValue("name"), false
	if q := r.URL.Query(); q.Has("follow") {
		v, err := strconv.ParseBool(q.Get("follow"))
		follow = v || q.Get("follow") == ""
		if err != nil && !follow {
			return errdefs.ErrInvalidArgument.WithMessage("follow takes true or false")
		}
	}
	if _, err := gateway.Find(r.Context(), a.o.Functions, name, ""); err != nil {
		return err
	}
	out := &flushing{w: w}
	ctx, cancel := gateway.Following(r)
	defer cancel()
	err := a.o.Instances.Logs(ctx, name, follow, out)
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case err != nil && out.begun:
		a.o.Log.Info("log stream broke off", "function", name, "error", err)
		return http.ErrAbortHandler // an orderly end would hide it
	case err == nil:
		out.begin()
	}
	return err
}

// flushing sends every write at once.
type flushing struct {
	w     http.ResponseWriter
	begun bool
}

func (f *flushing) begin() {
	if !f.begun {
		f.begun = true
		f.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		f.w.WriteHeader(http.StatusOK)
	}
}

func (f *flushing) Write(p []byte) (int, error) {
	f.begin()
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, http.NewResponseController(f.w).Flush()
}
