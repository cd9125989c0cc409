package lambda

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// What Lambda does with Event invocations of a function that says nothing about them.
const (
	defaultRetries = 2
	defaultMaxAge  = 6 * time.Hour
	minMaxAge      = 60 // seconds
	maxMaxAge      = 21600
)

type destination struct {
	Destination string `json:"Destination,omitempty"`
}

type destinationConfig struct {
	OnSuccess destination `json:"OnSuccess"`
	OnFailure destination `json:"OnFailure"`
}

// eventConfig is a FunctionEventInvokeConfig; nil leaves a field as it is (Update) or takes the default (Put).
type eventConfig struct {
	FunctionArn string             `json:"FunctionArn,omitempty"`
	Retries     *int               `json:"MaximumRetryAttempts,omitempty"`
	MaxAge      *int64             `json:"MaximumEventAgeInSeconds,omitempty"`
	Destination *destinationConfig `json:"DestinationConfig,omitempty"`
	Modified    float64            `json:"LastModified,omitempty"` // seconds since 1970
}

func (c eventConfig) apply(as *spec.Async) error {
	if c.Retries != nil {
		if *c.Retries < 0 || *c.Retries > 2 {
			return invalid("MaximumRetryAttempts is %d; it takes 0, 1 or 2", *c.Retries)
		}
		as.Retries = c.Retries
	}
	if c.MaxAge != nil {
		if *c.MaxAge < minMaxAge || *c.MaxAge > maxMaxAge {
			return invalid("MaximumEventAgeInSeconds is %d; it takes %d to %d", *c.MaxAge, minMaxAge, maxMaxAge)
		}
		as.MaxAge = spec.Duration(time.Duration(*c.MaxAge) * time.Second)
	}
	if c.Destination == nil {
		return nil
	}
	var err error
	if as.OnSuccess, err = target(c.Destination.OnSuccess.Destination); err != nil {
		return err
	}
	as.OnFailure, err = target(c.Destination.OnFailure.Destination)
	return err
}

// target turns a destination into what manifests write: an http(s) URL, or a function's name.
func target(s string) (string, error) {
	if s == "" || strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") {
		return s, nil
	}
	if strings.HasPrefix(s, "arn:") && !strings.HasPrefix(s, "arn:aws:lambda:") {
		return "", invalid("destination %s is of a service that does not exist here; name a function or an http(s) URL", s)
	}
	ref, err := ParseRef(s)
	if err != nil {
		return "", err
	}
	if ref.Qualifier != "" && ref.Qualifier != latest {
		return ref.Name + ":" + ref.Qualifier, nil
	}
	return ref.Name, nil
}

// eventOut is as Lambda describes it; what a manifest says was modified when the version was.
func (a *API) eventOut(ref Ref, as spec.Async, version time.Time) eventConfig {
	if !as.Modified.IsZero() {
		version = as.Modified
	}
	c := eventConfig{FunctionArn: a.arn(ref.Name, cmp.Or(ref.Qualifier, latest)), Destination: &destinationConfig{
		OnSuccess: destination{a.targetOut(as.OnSuccess)}, OnFailure: destination{a.targetOut(as.OnFailure)},
	}}
	if !version.IsZero() {
		c.Modified = float64(version.UnixMilli()) / 1000
	}
	retries, age := defaultRetries, int64(defaultMaxAge/time.Second)
	if as.Retries != nil {
		retries = *as.Retries
	}
	if as.MaxAge > 0 {
		age = int64(as.MaxAge.D() / time.Second)
	}
	c.Retries, c.MaxAge = &retries, &age
	return c
}

func (a *API) targetOut(s string) string {
	if strings.Contains(s, "://") {
		return outgoing.Shown(s) // its keys do not come back
	}
	if s == "" {
		return s
	}
	name, qualifier, _ := strings.Cut(s, ":")
	return a.arn(name, qualifier)
}

// reachable refuses a destination function that is not there and a URL that is never called: its records would go nowhere.
func (a *API) reachable(r *http.Request, target string) error {
	if target == "" {
		return nil
	}
	if strings.Contains(target, "://") {
		if err := a.CheckURL(target); err != nil {
			return invalid("the destination %s cannot be used: %s", outgoing.Shown(target), err)
		}
		return nil
	}
	name, qualifier, _ := strings.Cut(target, ":")
	if _, err := gateway.Find(r.Context(), a.Functions, name, qualifier); err != nil {
		return invalid("the destination %s cannot be used: %s", target, err)
	}
	return nil
}

// putEventConfig is PutFunctionEventInvokeConfig: what the call leaves out becomes the default.
func (a *API) putEventConfig(w http.ResponseWriter, r *http.Request) error {
	return a.setEventConfig(w, r, true)
}

// updateEventConfig is UpdateFunctionEventInvokeConfig: what the call leaves out stays.
func (a *API) updateEventConfig(w http.ResponseWriter, r *http.Request) error {
	return a.setEventConfig(w, r, false)
}

func (a *API) setEventConfig(w http.ResponseWriter, r *http.Request, fresh bool) error {
	var in eventConfig
	if err := a.decode(r, &in); err != nil {
		return err
	}
	ref, as, err := a.changeAsync(r, func(as *spec.Async) error {
		if fresh {
			*as = spec.Async{}
		}
		if err := in.apply(as); err != nil {
			return err
		}
		as.Modified = time.Now().UTC().Truncate(time.Millisecond)
		return errors.Join(a.reachable(r, as.OnSuccess), a.reachable(r, as.OnFailure))
	})
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.eventOut(ref, as, as.Modified))
	return nil
}

// changeAsync changes the settings of what a request names: $LATEST, a version or an alias.
func (a *API) changeAsync(r *http.Request, f func(*spec.Async) error) (Ref, spec.Async, error) {
	ref, err := a.ref(r)
	if err != nil {
		return ref, spec.Async{}, err
	}
	if ref.Qualifier == "" || ref.Qualifier == latest {
		fn, err := a.change(r, func(fn *spec.Function) error { return f(&fn.Async) })
		return ref, fn.Async, err
	}
	own, ok := a.Functions.(gateway.AsyncSetter)
	if !ok {
		return ref, spec.Async{}, invalid("this catalogue has no asynchronous settings for %s; set those of $LATEST", ref.Qualifier)
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	fn, err := gateway.Find(r.Context(), a.Functions, ref.Name, ref.Qualifier)
	if err != nil {
		return ref, spec.Async{}, err
	}
	if err := f(&fn.Async); err != nil {
		return ref, fn.Async, err
	}
	return ref, fn.Async, own.SetAsync(r.Context(), ref.Name, ref.Qualifier, &fn.Async)
}

// getEventConfig is GetFunctionEventInvokeConfig.
func (a *API) getEventConfig(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err != nil {
		return err
	}
	out := a.eventOut(ref, fn.Async, fn.Modified)
	if set, err := a.configured(r, ref, fn.Async); err != nil {
		return err
	} else if !set {
		return fmt.Errorf("the function %s doesn't have an EventInvokeConfig: %w", out.FunctionArn, errdefs.ErrNotFound)
	}
	gateway.WriteJSON(w, http.StatusOK, out)
	return nil
}

// configured says whether somebody has set what is asked for, be it to the defaults.
func (a *API) configured(r *http.Request, ref Ref, as spec.Async) (bool, error) {
	if as != (spec.Async{}) {
		return true, nil
	}
	own, ok := a.Functions.(gateway.AsyncSetter)
	if !ok {
		return false, nil
	}
	settings, err := own.Asyncs(r.Context(), ref.Name)
	_, set := settings[ref.Qualifier]
	return set, err
}

// deleteEventConfig is DeleteFunctionEventInvokeConfig: $LATEST goes back to the defaults, a version to what it was
// published with, an alias to what its version has.
func (a *API) deleteEventConfig(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := a.find(r)
	if err != nil {
		return err
	}
	if own, ok := a.Functions.(gateway.AsyncSetter); ok && ref.Qualifier != "" && ref.Qualifier != latest {
		a.edit.Lock()
		defer a.edit.Unlock()
		err = own.SetAsync(r.Context(), ref.Name, ref.Qualifier, nil)
	} else {
		_, err = a.change(r, func(fn *spec.Function) error { fn.Async = spec.Async{}; return nil })
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listEventConfigs is ListFunctionEventInvokeConfigs.
func (a *API) listEventConfigs(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	var all []eventConfig
	if fn.Async != (spec.Async{}) {
		all = append(all, a.eventOut(Ref{Name: ref.Name}, fn.Async, fn.Modified))
	}
	if own, ok := a.Functions.(gateway.AsyncSetter); ok {
		settings, err := own.Asyncs(r.Context(), ref.Name)
		if err != nil {
			return err
		}
		for _, q := range slices.Sorted(maps.Keys(settings)) {
			all = append(all, a.eventOut(Ref{ref.Name, q}, settings[q], fn.Modified))
		}
	}
	page, next, err := paged(r, all)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, struct {
		Configs    []eventConfig `json:"FunctionEventInvokeConfigs"`
		NextMarker string        `json:"NextMarker,omitempty"`
	}{page, next})
	return nil
}
