package lambda

import (
	"errors"
	"net/http"
	"slices"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// change puts $LATEST back as f changed it. f gets a copy whose maps and slices it must replace, not edit.
func (a *API) change(r *http.Request, f func(fn *spec.Function) error) (spec.Function, error) {
	ref, err := a.ref(r)
	if err != nil {
		return spec.Function{}, err
	}
	if ref.Qualifier != "" && ref.Qualifier != latest {
		return spec.Function{}, invalid("version %s does not change; change $LATEST and publish it", ref.Qualifier)
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	fn, err := gateway.Find(r.Context(), a.Functions, ref.Name, "")
	if err != nil {
		return fn, err
	}
	fn.Command, fn.Mounts = slices.Clone(fn.Command), slices.Clone(fn.Mounts) // the catalogue may make paths in them absolute
	if err := f(&fn); err != nil {
		return fn, err
	}
	return a.Functions.Put(r.Context(), fn)
}

type updateConfigurationInput struct {
	settings
	unsupported
	FunctionName string  `json:"FunctionName"` // the path's: some clients send it twice
	RevisionID   *string `json:"RevisionId"`
}

// updateConfiguration is UpdateFunctionConfiguration.
func (a *API) updateConfiguration(w http.ResponseWriter, r *http.Request) error {
	var in updateConfigurationInput
	if err := a.decodeWhole(r, &in); err != nil {
		return err
	}
	if err := in.unsupported.check(); err != nil {
		return err
	}
	fn, err := a.change(r, func(fn *spec.Function) error {
		if err := checkRevision(revision(*fn), in.RevisionID); err != nil {
			return err
		}
		return in.apply(fn)
	})
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.configure(r.Context(), fn, ""))
	return nil
}

type updateCodeInput struct {
	code
	FunctionName  string   `json:"FunctionName"` // the path's: some clients send it twice
	Architectures []string `json:"Architectures"`
	Publish       bool     `json:"Publish"`
	DryRun        bool     `json:"DryRun"`
	RevisionID    *string  `json:"RevisionId"`
}

// apply checks the revision first: the new image makes another one.
func (in updateCodeInput) apply(fn *spec.Function) error {
	err := checkRevision(revision(*fn), in.RevisionID)
	fn.Image, fn.Resolved = in.ImageURI, spec.Anew
	return err
}

// updateCode is UpdateFunctionCode for images.
func (a *API) updateCode(w http.ResponseWriter, r *http.Request) error {
	var in updateCodeInput
	if err := a.decodeWhole(r, &in); err != nil {
		return err
	}
	if err := errors.Join(in.code.check(), unsupported{Architectures: in.Architectures}.check()); err != nil {
		return err
	}
	if in.DryRun {
		_, fn, err := a.find(r)
		if err == nil {
			err = in.apply(&fn)
		}
		if err == nil {
			fn.Resolved = "" // it is not deployed
			gateway.WriteJSON(w, http.StatusOK, a.configure(r.Context(), fn, ""))
		}
		return err
	}
	fn, err := a.change(r, in.apply)
	if err != nil {
		return err
	}
	return a.writeConfiguration(w, r, fn, in.Publish, http.StatusOK)
}
