// Package lambda speaks AWS Lambda's control and invoke API, so that AWS SDKs and the AWS CLI work with --endpoint-url.
// One file per group of calls; wire types have the names and the JSON of Lambda's own documentation.
package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spool"
)

// Queue takes Event invocations: durably, so that an accepted one survives a restart. ResourceExhausted when full.
type Queue interface {
	Enqueue(ctx context.Context, inv spec.Invocation) error
}

// Options configure the API. Zero limits take Lambda's.
type Options struct {
	Invoker   spec.Invoker
	Functions gateway.Functions
	Aliases   gateway.Aliases
	Instances gateway.Instances
	Queue     Queue // nil: Event invocations are refused
	Log       *slog.Logger

	// Image names the content of an image, or says why there is none; nil: nobody asks. Called often, at most imageWait each.
	Image func(ctx context.Context, ref string) (digest string, err error)

	// CheckURL says what keeps a destination's URL from being called; default outgoing.Valid.
	CheckURL func(address string) error

	Asks func() bool // whether the server asks who its callers are; nil: it does not

	Keys     map[string]string // access key id → secret; empty: any credentials are accepted, also none
	Region   string            // in ARNs; default us-east-1
	Account  string            // in ARNs; default 000000000000
	Async    int64             // largest Event payload in bytes; default 1 MiB
	Response int64             // largest buffered answer in bytes; default 6 MiB, as Lambda's
	Control  int64             // largest body of a control call in bytes; default 1 MiB
	Spool    *spool.Spool      // of answers on their way; default one in the temporary folder
	Stall    time.Duration     // how long a caller may leave a piece of an answer unread; default gateway.Stall
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CheckURL == nil {
		o.CheckURL = outgoing.Valid
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Async == 0 {
		o.Async = 1 << 20
	}
	if o.Response == 0 {
		o.Response = 6 << 20
	}
	if o.Control == 0 {
		o.Control = 1 << 20
	}
	if o.Spool == nil {
		o.Spool = spool.New(spool.Options{})
	}
	if o.Stall == 0 {
		o.Stall = gateway.Stall
	}
	return o
}

// API is the Lambda API. It implements gateway.Routes.
type API struct {
	Options
	edit sync.Mutex // held by calls that read, change and put back
}

var _ gateway.Routes = (*API)(nil)

// New makes the API; Invoker, Functions and Aliases must be set.
func New(o Options) *API { return &API{Options: o.withDefaults()} }

// route is one call and what it asks of its caller.
type route struct {
	need   auth.Need
	handle func(http.ResponseWriter, *http.Request) error
}

var invoke, look, manage = auth.One(auth.Invoke), auth.One(auth.ReadAll), auth.One(auth.Manage)

// Register implements gateway.Routes.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, route := range a.routes() {
		mux.HandleFunc(pattern, a.guard(route.handle))
	}
}

// Needs implements gateway.Guarded.
func (a *API) Needs() map[string]auth.Need {
	needs := map[string]auth.Need{}
	for pattern, route := range a.routes() {
		needs[pattern] = route.need
	}
	return needs
}

func (a *API) routes() map[string]route {
	return map[string]route{
		"POST /2015-03-31/functions/{fn}/invocations":                    {invoke, a.invoke},
		"POST /2014-11-13/functions/{fn}/invoke-async":                   {invoke, a.invokeAsync},
		"POST /2014-11-13/functions/{fn}/invoke-async/{$}":               {invoke, a.invokeAsync},
		"POST /2021-11-15/functions/{fn}/response-streaming-invocations": {invoke, a.invokeStream},

		"GET /2015-03-31/functions":                        {look, a.listFunctions},
		"GET /2015-03-31/functions/{$}":                    {look, a.listFunctions},
		"POST /2015-03-31/functions":                       {manage, a.createFunction},
		"POST /2015-03-31/functions/{$}":                   {manage, a.createFunction},
		"GET /2015-03-31/functions/{fn}":                   {look, a.getFunction},
		"DELETE /2015-03-31/functions/{fn}":                {manage, a.deleteFunction},
		"GET /2015-03-31/functions/{fn}/configuration":     {look, a.getConfiguration},
		"PUT /2015-03-31/functions/{fn}/configuration":     {manage, a.updateConfiguration},
		"PUT /2015-03-31/functions/{fn}/code":              {manage, a.updateCode},
		"GET /2015-03-31/functions/{fn}/versions":          {look, a.listVersions},
		"POST /2015-03-31/functions/{fn}/versions":         {manage, a.publishVersion},
		"GET /2015-03-31/functions/{fn}/aliases":           {look, a.listAliases},
		"POST /2015-03-31/functions/{fn}/aliases":          {manage, a.createAlias},
		"GET /2015-03-31/functions/{fn}/aliases/{name}":    {look, a.getAlias},
		"PUT /2015-03-31/functions/{fn}/aliases/{name}":    {manage, a.updateAlias},
		"DELETE /2015-03-31/functions/{fn}/aliases/{name}": {manage, a.deleteAlias},

		"PUT /2017-10-31/functions/{fn}/concurrency":    {manage, a.putConcurrency},
		"GET /2019-09-30/functions/{fn}/concurrency":    {look, a.getConcurrency},
		"DELETE /2017-10-31/functions/{fn}/concurrency": {manage, a.deleteConcurrency},

		"PUT /2019-09-30/functions/{fn}/provisioned-concurrency":    {manage, a.putProvisioned},
		"GET /2019-09-30/functions/{fn}/provisioned-concurrency":    {look, a.getProvisioned},
		"DELETE /2019-09-30/functions/{fn}/provisioned-concurrency": {manage, a.deleteProvisioned},

		"PUT /2019-09-25/functions/{fn}/event-invoke-config":      {manage, a.putEventConfig},
		"POST /2019-09-25/functions/{fn}/event-invoke-config":     {manage, a.updateEventConfig},
		"GET /2019-09-25/functions/{fn}/event-invoke-config":      {look, a.getEventConfig},
		"DELETE /2019-09-25/functions/{fn}/event-invoke-config":   {manage, a.deleteEventConfig},
		"GET /2019-09-25/functions/{fn}/event-invoke-config/list": {look, a.listEventConfigs},

		"POST /2021-10-31/functions/{fn}/url":   {manage, a.createURL},
		"PUT /2021-10-31/functions/{fn}/url":    {manage, a.updateURL},
		"GET /2021-10-31/functions/{fn}/url":    {look, a.getURL},
		"DELETE /2021-10-31/functions/{fn}/url": {manage, a.deleteURL},
		"GET /2021-10-31/functions/{fn}/urls":   {look, a.listURLs},

		"GET /2017-03-31/tags/{arn}":           {look, a.listTags},
		"POST /2017-03-31/tags/{arn}":          {manage, a.tag},
		"DELETE /2017-03-31/tags/{arn}":        {manage, a.untag},
		"GET /2016-08-19/account-settings":     {look, a.accountSettings},
		"GET /2016-08-19/account-settings/{$}": {look, a.accountSettings},

		"GET /2015-03-31/functions/{fn}/policy":                    {look, a.getPolicy},
		"GET /2020-06-30/functions/{fn}/code-signing-config":       {look, a.getSigning},
		"GET /2021-07-20/functions/{fn}/runtime-management-config": {look, a.getRuntimeManagement},
		"GET /2015-03-31/event-source-mappings":                    {look, none("EventSourceMappings")},
		"GET /2015-03-31/event-source-mappings/{$}":                {look, none("EventSourceMappings")},
		"GET /2018-10-31/layers":                                   {look, none("Layers")},
	}
}

// guard checks credentials before h and writes h's error after it.
func (a *API) guard(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var err error
		if auth.From(r.Context()) == nil { // else it has been asked already
			_, err = a.Signed(r)
		}
		if err == nil {
			lower(r)
			err = h(w, r)
		}
		if err != nil {
			gateway.WriteError(w, err)
		}
	}
}

// decode reads a control call's JSON body into v; an empty body leaves v as it is.
func (a *API) decode(r *http.Request, v any) error {
	b, err := gateway.ReadBody(r, a.Control, "the request")
	if err != nil || len(b) == 0 {
		return err
	}
	if err := jsonform.Decode(b, v); err != nil {
		return badContent(err)
	}
	return nil
}

// decodeWhole is decode for calls that say what a function is to be: a member that nobody here knows is refused, since the
// caller would believe that it has what it asked for.
func (a *API) decodeWhole(r *http.Request, v any) error {
	b, err := gateway.ReadBody(r, a.Control, "the request")
	if err != nil || len(b) == 0 {
		return err
	}
	if err := jsonform.Decode(b, v); err != nil {
		return badContent(err)
	}
	if err := jsonform.DecodeKnown(b, v); err != nil {
		return invalid("%s is not supported here; leave it out", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// badContent is Lambda's word for a body that is not the JSON it should be.
func badContent(err error) error {
	return &gateway.Typed{Status: http.StatusBadRequest, Type: "InvalidRequestContentException", Err: fmt.Errorf("could not parse request body into json: %w", err)}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
}

func conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrAlreadyExists)...)
}
