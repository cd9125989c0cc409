package events

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Event is one accepted invocation and how far it has come.
type Event struct {
	ID            string    `json:"id"`
	Function      string    `json:"function"`
	Qualifier     string    `json:"qualifier,omitempty"`
	Payload       []byte    `json:"payload"`
	TraceID       string    `json:"traceId,omitempty"`
	ClientContext string    `json:"clientContext,omitempty"`
	Accepted      time.Time `json:"accepted"`
	Next          time.Time `json:"next"`               // not before
	Calls         int       `json:"calls"`              // invocations that reached the function
	Throttled     int       `json:"throttled"`          // attempts that did not, since the last that did
	Hops          int       `json:"hops"`               // destinations that lie behind it
	Delivery      *Delivery `json:"delivery,omitempty"` // set once the function is done with it
}

// Delivery is a record on its way to a destination.
type Delivery struct {
	Target string `json:"target"`
	Record []byte `json:"record"`
	Tries  int    `json:"tries"`
}

// Config says what a Queue works with. Zero values take the defaults that WithDefaults names.
type Config struct {
	Invoker   spec.Invoker
	Functions Functions
	Store     Store
	ARN       func(name, qualifier string) string
	Poster    Poster                 // for http(s) destinations; nil: there are none, and their records are set aside
	ErrorType func(err error) string // Lambda's name for an error; default: ServiceException for all
	Log       *slog.Logger

	Max         int           // events at most; default 10000
	PerFunction int           // cap on the events of one function that run at the same time, beside its own concurrency; default 64
	RetryBase   time.Duration // before the first retry, doubled for the second; default 1m, as Lambda's
	BackoffBase time.Duration // before the first attempt after a refusal, doubled up to 5m; default 1s
	Tries       int           // of a destination; default 5
}

// WithDefaults returns a copy with every zero field that has a default filled in.
func (c Config) WithDefaults() Config {
	if c.ARN == nil {
		c.ARN = func(name, qualifier string) string {
			return "arn:aws:lambda:us-east-1:000000000000:function:" + name + ":" + qualifier
		}
	}
	if c.ErrorType == nil {
		c.ErrorType = func(error) string { return "ServiceException" }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Max, c.PerFunction, c.Tries = or(c.Max, 10000), or(c.PerFunction, 64), or(c.Tries, 5)
	c.RetryBase, c.BackoffBase = or(c.RetryBase, time.Minute), or(c.BackoffBase, time.Second)
	return c
}

func or[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// Functions finds functions; the registry is one.
type Functions interface {
	// Get resolves a name and a qualifier (version, alias, "" or "$LATEST") to one version.
	Get(ctx context.Context, name, qualifier string) (spec.Function, error)
}

// Poster sends a body to an address and gives nil when it was taken; outgoing.Poster has the contract.
type Poster interface {
	Post(ctx context.Context, address string, header http.Header, body []byte) error
}
