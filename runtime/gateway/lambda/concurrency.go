package lambda

import (
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// concurrency is reserved concurrency: here the number of instances at most.
type concurrency struct {
	Reserved int64 `json:"ReservedConcurrentExecutions"`
}

// putConcurrency is PutFunctionConcurrency.
func (a *API) putConcurrency(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Reserved *int64 `json:"ReservedConcurrentExecutions"`
	}
	if err := a.decode(r, &in); err != nil {
		return err
	}
	if in.Reserved == nil {
		return invalid("ReservedConcurrentExecutions is missing")
	}
	fn, err := a.change(r, func(fn *spec.Function) error {
		return positive("ReservedConcurrentExecutions", "instances", in.Reserved, func(n int64) { fn.Concurrency = int(n) })
	})
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, concurrency{int64(fn.Concurrency)})
	return nil
}

// getConcurrency is GetFunctionConcurrency.
func (a *API) getConcurrency(w http.ResponseWriter, r *http.Request) error {
	_, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, concurrency{int64(fn.Concurrency)})
	return nil
}

// deleteConcurrency is DeleteFunctionConcurrency: back to the default.
func (a *API) deleteConcurrency(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.change(r, func(fn *spec.Function) error { fn.Concurrency = 0; return nil }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
