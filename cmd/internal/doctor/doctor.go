// Package doctor looks for the real parts that VideosDGX stands on and says what was found, which version, and the
// command that brings what is missing. It runs programs for their version and reads files; it changes nothing.
package doctor

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Finding is what was found of one part.
type Finding struct {
	Part     string `json:"part"`
	OK       bool   `json:"ok"`
	Required bool   `json:"required"`      // without it nothing can be generated here
	Set      bool   `json:"set,omitempty"` // it is a variable of the environment: what it names was asked for, so its lack is a fault
	Version  string `json:"version,omitempty"`
	Detail   string `json:"detail,omitempty"` // where it is, or what is wrong
	Fix      string `json:"fix,omitempty"`    // the command that helps; "" when OK
}

// Probe looks for one part. It must not block beyond its ctx.
type Probe func(ctx context.Context) Finding

// Group looks for parts that belong together. It must not block beyond its ctx.
type Group func(ctx context.Context) []Finding

// One makes a group of a single probe.
func One(p Probe) Group { return func(ctx context.Context) []Finding { return []Finding{p(ctx)} } }

// timeout bounds one group: a hung daemon must not hang the doctor.
const timeout = 5 * time.Second

// Run runs all groups side by side and gives their findings in order.
func Run(ctx context.Context, groups ...Group) []Finding {
	out := make([][]Finding, len(groups))
	var wg sync.WaitGroup
	for i, p := range groups {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			out[i] = p(ctx)
		})
	}
	wg.Wait()
	return slices.Concat(out...)
}

// Healthy is true when everything required is there, and all that the environment names is what it has to be.
func Healthy(fs []Finding) bool {
	for _, f := range fs {
		if (f.Required || f.Set) && !f.OK {
			return false
		}
	}
	return true
}
