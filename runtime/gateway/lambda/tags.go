package lambda

import (
	"maps"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// listTags is ListTags; tags are the function's labels.
func (a *API) listTags(w http.ResponseWriter, r *http.Request) error {
	r.SetPathValue("fn", r.PathValue("arn"))
	_, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	tags := fn.Labels
	if tags == nil {
		tags = map[string]string{}
	}
	gateway.WriteJSON(w, http.StatusOK, struct{ Tags map[string]string }{tags})
	return nil
}

// tag is TagResource.
func (a *API) tag(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Tags map[string]string }
	if err := a.decode(r, &in); err != nil {
		return err
	}
	return a.relabel(w, r, func(labels map[string]string) error {
		maps.Copy(labels, in.Tags)
		return checkTags(labels)
	})
}

// untag is UntagResource.
func (a *API) untag(w http.ResponseWriter, r *http.Request) error {
	return a.relabel(w, r, func(labels map[string]string) error {
		for _, k := range r.URL.Query()["tagKeys"] {
			delete(labels, k)
		}
		return nil
	})
}

func (a *API) relabel(w http.ResponseWriter, r *http.Request, f func(map[string]string) error) error {
	r.SetPathValue("fn", r.PathValue("arn"))
	_, err := a.change(r, func(fn *spec.Function) error {
		labels := maps.Clone(fn.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		fn.Labels = labels
		return f(labels)
	})
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}
