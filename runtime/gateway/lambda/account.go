package lambda

import (
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

type accountLimit struct {
	TotalCodeSize    int64 `json:"TotalCodeSize"`
	CodeSizeUnzipped int64 `json:"CodeSizeUnzipped"`
	CodeSizeZipped   int64 `json:"CodeSizeZipped"`
	Concurrent       int64 `json:"ConcurrentExecutions"`
	Unreserved       int64 `json:"UnreservedConcurrentExecutions"`
}

type accountUsage struct {
	TotalCodeSize int64 `json:"TotalCodeSize"`
	FunctionCount int64 `json:"FunctionCount"`
}

// accountSettings is GetAccountSettings. Code sizes have no limit here; concurrency is what the functions add up to.
func (a *API) accountSettings(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Functions.List(r.Context())
	if err != nil {
		return err
	}
	var out struct {
		AccountLimit accountLimit `json:"AccountLimit"`
		AccountUsage accountUsage `json:"AccountUsage"`
	}
	for _, fn := range all {
		out.AccountLimit.Concurrent += int64(fn.MaxInstances() * max(fn.EventsAtOnce, 1))
	}
	out.AccountUsage.FunctionCount = int64(len(all))
	gateway.WriteJSON(w, http.StatusOK, out)
	return nil
}
