package lambda

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

type routingConfig struct {
	AdditionalVersionWeights map[string]float64 `json:"AdditionalVersionWeights"`
}

type aliasConfiguration struct {
	AliasArn        string         `json:"AliasArn"`
	Name            string         `json:"Name"`
	FunctionVersion string         `json:"FunctionVersion"`
	Description     string         `json:"Description"`
	RoutingConfig   *routingConfig `json:"RoutingConfig,omitempty"`
	RevisionID      string         `json:"RevisionId"`
}

func (a *API) aliasOut(al spec.Alias) aliasConfiguration {
	c := aliasConfiguration{AliasArn: a.arn(al.Function, al.Name), Name: al.Name, FunctionVersion: al.Version, Description: al.Description, RevisionID: al.Revision}
	if al.SecondVersion != "" {
		c.RoutingConfig = &routingConfig{map[string]float64{al.SecondVersion: al.Weight}}
	}
	return c
}

// aliasInput is what CreateAlias and UpdateAlias take; nil leaves a field as it is.
type aliasInput struct {
	Name            string         `json:"Name"`
	FunctionVersion *string        `json:"FunctionVersion"`
	Description     *string        `json:"Description"`
	RoutingConfig   *routingConfig `json:"RoutingConfig"`
	RevisionID      *string        `json:"RevisionId"`
}

func (in aliasInput) apply(al *spec.Alias) error {
	if in.FunctionVersion != nil {
		al.Version = *in.FunctionVersion
	}
	if in.Description != nil {
		al.Description = *in.Description
	}
	if in.RevisionID != nil {
		al.Revision = *in.RevisionID
	}
	if in.RoutingConfig == nil {
		return nil
	}
	al.SecondVersion, al.Weight = "", 0
	if n := len(in.RoutingConfig.AdditionalVersionWeights); n > 1 {
		return invalid("RoutingConfig has %d additional versions; an alias takes one", n)
	}
	for v, weight := range in.RoutingConfig.AdditionalVersionWeights {
		if !(weight >= 0 && weight <= 1) {
			return invalid("the weight of version %s is %g; it takes 0 to 1", v, weight)
		}
		al.SecondVersion, al.Weight = v, weight
	}
	return nil
}

// createAlias is CreateAlias.
func (a *API) createAlias(w http.ResponseWriter, r *http.Request) error {
	var in aliasInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	ref, _, err := a.findName(r)
	if err != nil {
		return err
	}
	if in.Name == "" || in.FunctionVersion == nil {
		return invalid("an alias needs Name and FunctionVersion")
	}
	al := spec.Alias{Name: in.Name, Function: ref.Name}
	if err := in.apply(&al); err != nil {
		return err
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	if _, err := a.Aliases.Alias(r.Context(), ref.Name, in.Name); err == nil {
		return conflict("alias already exists: %s; UpdateAlias changes it", a.arn(ref.Name, in.Name))
	} else if !errdefs.IsNotFound(err) {
		return err
	}
	return a.putAlias(w, r, al, http.StatusCreated)
}

func (a *API) putAlias(w http.ResponseWriter, r *http.Request, al spec.Alias, status int) error {
	al, err := a.Aliases.PutAlias(r.Context(), al)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, status, a.aliasOut(al))
	return nil
}

// updateAlias is UpdateAlias.
func (a *API) updateAlias(w http.ResponseWriter, r *http.Request) error {
	var in aliasInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	al, err := a.alias(r)
	if err != nil {
		return err
	}
	if err := checkRevision(al.Revision, in.RevisionID); err != nil {
		return err
	}
	if err := in.apply(&al); err != nil {
		return err
	}
	return a.putAlias(w, r, al, http.StatusOK)
}

// alias finds the alias that a request's path names.
func (a *API) alias(r *http.Request) (spec.Alias, error) {
	ref, _, err := a.findName(r)
	if err != nil {
		return spec.Alias{}, err
	}
	al, err := a.Aliases.Alias(r.Context(), ref.Name, r.PathValue("name"))
	if errdefs.IsNotFound(err) {
		return al, fmt.Errorf("cannot find alias arn: %s: %w", a.arn(ref.Name, r.PathValue("name")), errdefs.ErrNotFound)
	}
	return al, err
}

// getAlias is GetAlias.
func (a *API) getAlias(w http.ResponseWriter, r *http.Request) error {
	al, err := a.alias(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.aliasOut(al))
	return nil
}

// deleteAlias is DeleteAlias; deleting one that is not there succeeds, as Lambda's does.
func (a *API) deleteAlias(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := a.findName(r)
	if err != nil {
		return err
	}
	if err := a.Aliases.DeleteAlias(r.Context(), ref.Name, r.PathValue("name")); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type aliasList struct {
	Aliases    []aliasConfiguration `json:"Aliases"`
	NextMarker string               `json:"NextMarker,omitempty"`
}

// listAliases is ListAliases, of one version with FunctionVersion.
func (a *API) listAliases(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := a.findName(r)
	if err != nil {
		return err
	}
	aliases, err := a.Aliases.ListAliases(r.Context(), ref.Name)
	if err != nil {
		return err
	}
	var all []aliasConfiguration
	for _, al := range aliases {
		if v := r.URL.Query().Get("FunctionVersion"); v == "" || v == al.Version || v == al.SecondVersion {
			all = append(all, a.aliasOut(al))
		}
	}
	page, next, err := paged(r, all)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, aliasList{page, next})
	return nil
}
