package admin

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// load starts an instance of ?qualifier= ($LATEST by default) for events to come, and answers at once.
func (a *API) load(w http.ResponseWriter, r *http.Request) error {
	l, ok := a.o.Instances.(gateway.Loader)
	if !ok {
		return fmt.Errorf("this server starts instances for events alone: %w", errdefs.ErrNotImplemented)
	}
	fn, err := gateway.Find(r.Context(), a.o.Functions, r.PathValue("name"), r.URL.Query().Get("qualifier"))
	if err == nil {
		err = l.Load(r.Context(), fn.Name, fn.Version)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// maxPin bounds the body of pin, in bytes.
const maxPin = 1 << 10

// pin keeps a function's instances from being evicted, or lets them be: the body is {"pin": true}.
func (a *API) pin(w http.ResponseWriter, r *http.Request) error {
	b, err := gateway.ReadBody(r, maxPin, "the setting")
	if err != nil {
		return err
	}
	var wish struct{ Pin *bool }
	if err := jsonform.Decode(b, &wish); err != nil {
		return fmt.Errorf(`the body cannot be read (%w): send {"pin": true} or {"pin": false}: %w`, err, errdefs.ErrInvalidArgument)
	}
	if wish.Pin == nil {
		return fmt.Errorf(`the body says neither: send {"pin": true} or {"pin": false}: %w`, errdefs.ErrInvalidArgument)
	}
	fn, err := gateway.Find(r.Context(), a.o.Functions, r.PathValue("name"), "")
	if err != nil {
		return err
	}
	fn.Pin = *wish.Pin
	if fn, err = a.o.Functions.Put(r.Context(), fn); err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, withoutKeys(spec.FunctionStatus{Function: fn}).Function)
	return nil
}

// machine tells what memory and devices there are.
func (a *API) machine(w http.ResponseWriter, _ *http.Request) error {
	if a.o.Machine == nil {
		return fmt.Errorf("this server does not know its machine: %w", errdefs.ErrNotImplemented)
	}
	m, err := a.o.Machine()
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, m)
	return nil
}

// Storage is the answer of GET /api/v1/storage.
type Storage struct {
	Storage []spec.Storage `json:"storage"`
}

// storage tells what each kind of files uses of the disk, and of what it may.
func (a *API) storage(w http.ResponseWriter, _ *http.Request) error {
	if a.o.Storage == nil {
		return fmt.Errorf("this server does not look at its disk: %w", errdefs.ErrNotImplemented)
	}
	all, err := a.o.Storage()
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, Storage{all})
	return nil
}
