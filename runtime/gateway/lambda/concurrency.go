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

// reservation is what the API has reserved for a function, nil for nothing.
func reservation(fn spec.Function) *concurrency {
	if fn.Reserved == nil {
		return nil
	}
	return &concurrency{int64(*fn.Reserved)}
}

// putConcurrency is PutFunctionConcurrency; 0 throttles the function.
func (a *API) putConcurrency(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Reserved *int `json:"ReservedConcurrentExecutions"`
	}
	if err := a.decode(r, &in); err != nil {
		return err
	}
	if in.Reserved == nil {
		return invalid("ReservedConcurrentExecutions is missing")
	}
	fn, err := a.reserve(r, in.Reserved)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, concurrency{int64(fn.MaxInstances())})
	return nil
}

// reserve bounds all of a function: a qualifier has no meaning there.
func (a *API) reserve(r *http.Request, n *int) (spec.Function, error) {
	ref, fn, err := a.find(r)
	if err != nil {
		return fn, err
	}
	if ref.Qualifier != "" && ref.Qualifier != latest {
		return fn, invalid("reserved concurrency is the whole function's, not that of %s; name the function without a qualifier", ref.Qualifier)
	}
	p, ok := a.Functions.(gateway.Reserver)
	if !ok {
		return fn, invalid("this catalogue cannot reserve concurrency; set concurrency in the manifest")
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	return p.Reserve(r.Context(), ref.Name, n)
}

// getConcurrency is GetFunctionConcurrency.
func (a *API) getConcurrency(w http.ResponseWriter, r *http.Request) error {
	_, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	if c := reservation(fn); c != nil {
		gateway.WriteJSON(w, http.StatusOK, c)
	} else {
		gateway.WriteJSON(w, http.StatusOK, struct{}{})
	}
	return nil
}

// deleteConcurrency is DeleteFunctionConcurrency: back to what the function says of itself.
func (a *API) deleteConcurrency(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.reserve(r, nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
