package lambda

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// provisioned is provisioned concurrency: here minInstances, instances that are kept warm.
type provisioned struct {
	FunctionArn string `json:"FunctionArn,omitempty"` // in lists
	Requested   int64  `json:"RequestedProvisionedConcurrentExecutions"`
	Available   int64  `json:"AvailableProvisionedConcurrentExecutions"`
	Allocated   int64  `json:"AllocatedProvisionedConcurrentExecutions"`
	Status      string `json:"Status"`
}

// putProvisioned is PutProvisionedConcurrencyConfig.
func (a *API) putProvisioned(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Count *int64 `json:"ProvisionedConcurrentExecutions"`
	}
	if err := a.decode(r, &in); err != nil {
		return err
	}
	if in.Count == nil {
		return invalid("ProvisionedConcurrentExecutions is missing")
	}
	n := 0
	if err := positive("ProvisionedConcurrentExecutions", "instances", in.Count, func(v int64) { n = int(v) }); err != nil {
		return err
	}
	fn, err := a.provision(r, n)
	if err != nil {
		return err
	}
	out, err := a.provisionedOf(r, fn)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusAccepted, out)
	return nil
}

// provision sets minInstances of the version that a request names.
func (a *API) provision(r *http.Request, n int) (spec.Function, error) {
	fn, err := a.pinned(r)
	if err != nil {
		return fn, err
	}
	if fn.Version == latest && n > 0 {
		return fn, invalid("provisioned concurrency cannot be applied to $LATEST: publish a version and name it, or an alias of it, as the qualifier")
	}
	if most := fn.MaxInstances(); n > most {
		return fn, invalid("%d provisioned instances exceed the %d that the function may have; raise its reserved concurrency first", n, most)
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	if p, ok := a.Functions.(gateway.Provisioner); ok {
		return p.SetMinInstances(r.Context(), fn.Name, fn.Version, n)
	}
	return fn, invalid("this catalogue cannot change version %s", fn.Version)
}

// pinned resolves a request's function to one version without drawing: an alias means its first version.
func (a *API) pinned(r *http.Request) (spec.Function, error) {
	ref, err := a.ref(r)
	if err != nil {
		return spec.Function{}, err
	}
	q := ref.Qualifier
	if al, err := a.Aliases.Alias(r.Context(), ref.Name, q); q != "" && err == nil {
		q = al.Version
	} else if q != "" && err != nil && !errdefs.IsNotFound(err) {
		return spec.Function{}, err
	}
	return gateway.Find(r.Context(), a.Functions, ref.Name, q)
}

// provisionedOf counts what is warm of a version.
func (a *API) provisionedOf(r *http.Request, fn spec.Function) (provisioned, error) {
	p := provisioned{Requested: int64(fn.MinInstances), Status: "IN_PROGRESS"}
	if a.Instances != nil {
		all, err := a.Instances.Instances(r.Context())
		if err != nil {
			return p, err
		}
		for _, i := range all {
			if i.Function == fn.Name && i.Version == fn.Version && (i.State == spec.Idle || i.State == spec.Busy) {
				p.Allocated++
				if i.State == spec.Idle {
					p.Available++
				}
			}
		}
	}
	p.Allocated, p.Available = min(p.Allocated, p.Requested), min(p.Available, p.Requested)
	if p.Allocated >= p.Requested {
		p.Status = "READY"
	}
	return p, nil
}

// getProvisioned is GetProvisionedConcurrencyConfig, and ListProvisionedConcurrencyConfigs with List=ALL.
func (a *API) getProvisioned(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("List") == "ALL" {
		return a.listProvisioned(w, r)
	}
	fn, err := a.pinned(r)
	if err != nil {
		return err
	}
	if fn.MinInstances == 0 {
		return &gateway.Typed{Status: http.StatusNotFound, Type: "ProvisionedConcurrencyConfigNotFoundException",
			Err: fmt.Errorf("no provisioned concurrency config found for %s", a.arn(fn.Name, fn.Version))}
	}
	out, err := a.provisionedOf(r, fn)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, out)
	return nil
}

// deleteProvisioned is DeleteProvisionedConcurrencyConfig.
func (a *API) deleteProvisioned(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.provision(r, 0); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) listProvisioned(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := a.findName(r)
	if err != nil {
		return err
	}
	versions, err := a.Functions.Versions(r.Context(), ref.Name)
	if err != nil {
		return err
	}
	var all []provisioned
	for _, v := range versions {
		if v.MinInstances == 0 {
			continue
		}
		p, err := a.provisionedOf(r, v)
		if err != nil {
			return err
		}
		p.FunctionArn = a.arn(v.Name, v.Version)
		all = append(all, p)
	}
	page, next, err := paged(r, all)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, struct {
		Configs    []provisioned `json:"ProvisionedConcurrencyConfigs"`
		NextMarker string        `json:"NextMarker,omitempty"`
	}{page, next})
	return nil
}
