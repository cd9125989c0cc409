package lambda

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/errdefs"

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

func (a *API) eventOut(fn spec.Function, qualifier string) eventConfig {
	if qualifier == "" {
		qualifier = latest
	}
	c := eventConfig{FunctionArn: a.arn(fn.Name, qualifier), Destination: &destinationConfig{
		OnSuccess: destination{a.targetOut(fn.Async.OnSuccess)}, OnFailure: destination{a.targetOut(fn.Async.OnFailure)},
	}}
	retries, age := defaultRetries, int64(defaultMaxAge/time.Second)
	if fn.Async.Retries != nil {
		retries = *fn.Async.Retries
	}
	if fn.Async.MaxAge > 0 {
		age = int64(fn.Async.MaxAge.D() / time.Second)
	}
	c.Retries, c.MaxAge = &retries, &age
	return c
}

func (a *API) targetOut(s string) string {
	if s == "" || strings.Contains(s, "://") {
		return s
	}
	name, qualifier, _ := strings.Cut(s, ":")
	return a.arn(name, qualifier)
}

// plain says whether a function's asynchronous settings are the defaults.
func (c eventConfig) plain() bool {
	return *c.Retries == defaultRetries && *c.MaxAge == int64(defaultMaxAge/time.Second) && *c.Destination == destinationConfig{}
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
	fn, err := a.change(r, func(fn *spec.Function) error {
		if fresh {
			fn.Async = spec.Async{}
		}
		return in.apply(&fn.Async)
	})
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.eventOut(fn, ""))
	return nil
}

// getEventConfig is GetFunctionEventInvokeConfig.
func (a *API) getEventConfig(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err != nil {
		return err
	}
	out := a.eventOut(fn, ref.Qualifier)
	if out.plain() {
		return fmt.Errorf("the function %s doesn't have an EventInvokeConfig: %w", out.FunctionArn, errdefs.ErrNotFound)
	}
	gateway.WriteJSON(w, http.StatusOK, out)
	return nil
}

// deleteEventConfig is DeleteFunctionEventInvokeConfig: back to the defaults.
func (a *API) deleteEventConfig(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.change(r, func(fn *spec.Function) error { fn.Async = spec.Async{}; return nil }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listEventConfigs is ListFunctionEventInvokeConfigs.
func (a *API) listEventConfigs(w http.ResponseWriter, r *http.Request) error {
	_, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	all := []eventConfig{}
	if out := a.eventOut(fn, ""); !out.plain() {
		all = append(all, out)
	}
	gateway.WriteJSON(w, http.StatusOK, struct {
		Configs []eventConfig `json:"FunctionEventInvokeConfigs"`
	}{all})
	return nil
}
