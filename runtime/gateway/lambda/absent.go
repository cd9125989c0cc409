package lambda

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// What tools ask of every function, and what no function has here. They get Lambda's answer for one that has none of it; to
// set any of it is not served.

// none answers a list that is always empty.
func none(name string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		gateway.WriteJSON(w, http.StatusOK, map[string][]any{name: {}})
		return nil
	}
}

// getPolicy is GetPolicy: there are no resource policies.
func (a *API) getPolicy(_ http.ResponseWriter, r *http.Request) error {
	if _, _, err := a.find(r); err != nil {
		return err
	}
	return fmt.Errorf("the function has no policy: who may invoke it is a matter of keys here: %w", errdefs.ErrNotFound)
}

// getSigning is GetFunctionCodeSigningConfig.
func (a *API) getSigning(w http.ResponseWriter, r *http.Request) error {
	_, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, map[string]string{"FunctionName": fn.Name, "CodeSigningConfigArn": ""})
	return nil
}

// getRuntimeManagement is GetRuntimeManagementConfig: an image brings its runtime along.
func (a *API) getRuntimeManagement(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, map[string]string{"UpdateRuntimeOn": "Auto", "FunctionArn": a.arn(fn.Name, ref.Qualifier)})
	return nil
}
