package lambda

import (
	"fmt"
	"net/http"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// A function has a URL from the beginning here: creating one sets its configuration, and opens it where deleting has closed it.
// One that has been configured is there, as far as creating goes.

type cors struct {
	AllowCredentials bool     `json:"AllowCredentials,omitempty"`
	AllowHeaders     []string `json:"AllowHeaders,omitempty"`
	AllowMethods     []string `json:"AllowMethods,omitempty"`
	AllowOrigins     []string `json:"AllowOrigins,omitempty"`
	ExposeHeaders    []string `json:"ExposeHeaders,omitempty"`
	MaxAge           int64    `json:"MaxAge,omitempty"` // seconds
}

type urlConfig struct {
	FunctionURL string `json:"FunctionUrl"`
	FunctionArn string `json:"FunctionArn"`
	AuthType    string `json:"AuthType"`
	InvokeMode  string `json:"InvokeMode"`
	Cors        *cors  `json:"Cors,omitempty"`
	Created     string `json:"CreationTime"`
	Modified    string `json:"LastModifiedTime"`
}

func (a *API) urlOut(r *http.Request, fn spec.Function, qualifier string) urlConfig {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	name := fn.Name
	if qualifier != "" && qualifier != latest {
		name += ":" + qualifier
	}
	c := urlConfig{
		FunctionURL: scheme + "://" + r.Host + "/fn/" + name + "/", FunctionArn: a.arn(fn.Name, qualifier),
		AuthType: "NONE", InvokeMode: fn.URL.InvokeMode,
		Modified: lastModified(fn),
	}
	if a.asks() && fn.URL.Auth != "none" {
		c.AuthType = "AWS_IAM"
	}
	if c.InvokeMode == "" {
		c.InvokeMode = "BUFFERED"
	}
	if c.Created = c.Modified; !fn.URL.Created.IsZero() {
		c.Created = stamp(fn.URL.Created)
	}
	if o := fn.URL.CORS; o != nil {
		c.Cors = &cors{o.AllowCredentials, o.AllowHeaders, o.AllowMethods, o.AllowOrigins, o.ExposeHeaders, int64(o.MaxAge.D() / time.Second)}
	}
	return c
}

type urlInput struct {
	AuthType   string  `json:"AuthType"`
	InvokeMode *string `json:"InvokeMode"`
	Cors       *cors   `json:"Cors"`
}

// asks says whether the server asks who its callers are.
func (a *API) asks() bool { return a.Asks != nil && a.Asks() }

func (a *API) apply(in urlInput, fn *spec.Function) error {
	switch {
	case in.AuthType == "NONE":
		fn.URL.Auth = "none"
	case in.AuthType == "AWS_IAM" && a.asks():
		fn.URL.Auth = "key"
	case in.AuthType == "AWS_IAM":
		return invalid("AuthType AWS_IAM is for a server that asks who its callers are: make a key first, with 'videosdgx keys create'")
	case in.AuthType != "":
		return invalid("AuthType %q is not one of NONE, AWS_IAM", in.AuthType)
	}
	if in.InvokeMode != nil {
		if m := *in.InvokeMode; m != "BUFFERED" && m != "RESPONSE_STREAM" {
			return invalid("InvokeMode %q is not one of BUFFERED, RESPONSE_STREAM", m)
		}
		fn.URL.InvokeMode = *in.InvokeMode
	}
	if c := in.Cors; c != nil {
		if err := c.check(); err != nil {
			return err
		}
		fn.URL.CORS = &spec.CORS{AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders,
			ExposeHeaders: c.ExposeHeaders, AllowCredentials: c.AllowCredentials, MaxAge: spec.Duration(time.Duration(c.MaxAge) * time.Second)}
	}
	return nil
}

// createURL is CreateFunctionUrlConfig.
func (a *API) createURL(w http.ResponseWriter, r *http.Request) error {
	return a.setURL(w, r, http.StatusCreated, func(u *spec.URL) error {
		set := *u
		if set.InvokeMode == "BUFFERED" { // as any function has it that nobody has said anything of
			set.InvokeMode = ""
		}
		if set != (spec.URL{}) && !set.Closed {
			return conflict("the function has a URL already; UpdateFunctionUrlConfig changes it")
		}
		u.Closed, u.Created = false, time.Now().UTC()
		return nil
	})
}

// updateURL is UpdateFunctionUrlConfig.
func (a *API) updateURL(w http.ResponseWriter, r *http.Request) error {
	return a.setURL(w, r, http.StatusOK, a.open)
}

// open refuses a URL that has been deleted.
func (a *API) open(u *spec.URL) error {
	if u.Closed {
		return fmt.Errorf("the function has no URL: it was deleted, CreateFunctionUrlConfig makes another: %w", errdefs.ErrNotFound)
	}
	return nil
}

func (a *API) setURL(w http.ResponseWriter, r *http.Request, status int, first func(*spec.URL) error) error {
	var in urlInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	fn, err := a.change(r, func(fn *spec.Function) error {
		if err := first(&fn.URL); err != nil {
			return err
		}
		return a.apply(in, fn)
	})
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, status, a.urlOut(r, fn, ""))
	return nil
}

// getURL is GetFunctionUrlConfig.
func (a *API) getURL(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err == nil && gateway.URLClosed(r.Context(), a.Functions, fn) {
		err = a.open(&spec.URL{Closed: true})
	}
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.urlOut(r, fn, ref.Qualifier))
	return nil
}

// deleteURL is DeleteFunctionUrlConfig.
func (a *API) deleteURL(w http.ResponseWriter, r *http.Request) error {
	_, err := a.change(r, func(fn *spec.Function) error {
		err := a.open(&fn.URL)
		fn.URL = spec.URL{Closed: true}
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listURLs is ListFunctionUrlConfigs.
func (a *API) listURLs(w http.ResponseWriter, r *http.Request) error {
	_, fn, err := a.findName(r)
	if err != nil {
		return err
	}
	all := []urlConfig{}
	if !fn.URL.Closed {
		all = append(all, a.urlOut(r, fn, ""))
	}
	gateway.WriteJSON(w, http.StatusOK, struct {
		Configs []urlConfig `json:"FunctionUrlConfigs"`
	}{all})
	return nil
}
