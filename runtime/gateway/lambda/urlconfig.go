package lambda

import (
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Every function has a URL here: creating one sets its configuration, deleting it goes back to the defaults.

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
	}
	if c.InvokeMode == "" {
		c.InvokeMode = "BUFFERED"
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

func (in urlInput) apply(fn *spec.Function) error {
	if in.AuthType != "" && in.AuthType != "NONE" {
		return invalid("AuthType %q is not supported; it must be NONE", in.AuthType)
	}
	if in.InvokeMode != nil {
		if m := *in.InvokeMode; m != "BUFFERED" && m != "RESPONSE_STREAM" {
			return invalid("InvokeMode %q is not one of BUFFERED, RESPONSE_STREAM", m)
		}
		fn.URL.InvokeMode = *in.InvokeMode
	}
	if c := in.Cors; c != nil {
		if c.MaxAge < 0 || c.MaxAge > 86400 {
			return invalid("Cors.MaxAge is %d; it takes 0 to 86400 seconds", c.MaxAge)
		}
		fn.URL.CORS = &spec.CORS{AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders,
			ExposeHeaders: c.ExposeHeaders, AllowCredentials: c.AllowCredentials, MaxAge: spec.Duration(time.Duration(c.MaxAge) * time.Second)}
	}
	return nil
}

// createURL is CreateFunctionUrlConfig.
func (a *API) createURL(w http.ResponseWriter, r *http.Request) error {
	return a.setURL(w, r, http.StatusCreated)
}

// updateURL is UpdateFunctionUrlConfig.
func (a *API) updateURL(w http.ResponseWriter, r *http.Request) error {
	return a.setURL(w, r, http.StatusOK)
}

func (a *API) setURL(w http.ResponseWriter, r *http.Request, status int) error {
	var in urlInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	fn, err := a.change(r, in.apply)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, status, a.urlOut(r, fn, ""))
	return nil
}

// getURL is GetFunctionUrlConfig.
func (a *API) getURL(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.urlOut(r, fn, ref.Qualifier))
	return nil
}

// deleteURL is DeleteFunctionUrlConfig.
func (a *API) deleteURL(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.change(r, func(fn *spec.Function) error { fn.URL = spec.URL{}; return nil }); err != nil {
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
	gateway.WriteJSON(w, http.StatusOK, struct {
		Configs []urlConfig `json:"FunctionUrlConfigs"`
	}{[]urlConfig{a.urlOut(r, fn, "")}})
	return nil
}
