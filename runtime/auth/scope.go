// Package auth says who may do what: scopes, what routes need of them, and who a request is made for. It is pure; its
// folders keys and token know two kinds of credentials, and gateway/access asks for them over HTTP.
package auth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// Scopes is a set of what somebody may do.
type Scopes uint8

// The scopes. Manage implies all others: who may deploy a function can do anything with it. ReadAll implies Read.
const (
	Invoke  Scopes = 1 << iota // call functions
	Submit                     // queue jobs and upload files, cancel and retry own jobs
	Read                       // see own jobs and fetch their clips
	ReadAll                    // see everybody's jobs, the functions and what runs
	Metrics                    // read what has been measured
	Manage                     // deploy, remove, stop; everybody's jobs; keys

	all = Manage<<1 - 1
)

// Names are the scopes as keys and tokens spell them, in their order.
var Names = []string{"invoke", "submit", "read", "read-all", "metrics", "manage"}

// ParseScopes reads names; InvalidArgument names the first that is none, and those there are.
func ParseScopes(names []string) (Scopes, error) {
	var s Scopes
	for _, name := range names {
		one := scopeOf(strings.TrimSpace(name))
		if one == 0 {
			return 0, fmt.Errorf("%q is no scope: there are %s: %w", name, strings.Join(Names, ", "), errdefs.ErrInvalidArgument)
		}
		s |= one
	}
	return s, nil
}

// KnownScopes reads those names that are scopes and passes over the others, which other servers of one issuer may know.
func KnownScopes(names []string) (s Scopes) {
	for _, name := range names {
		s |= scopeOf(name)
	}
	return s
}

func scopeOf(name string) Scopes {
	if i := slices.Index(Names, name); i >= 0 {
		return 1 << i
	}
	return 0
}

// List gives the names of a set.
func (s Scopes) List() []string {
	names := []string{}
	for i, name := range Names {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (s Scopes) String() string { return strings.Join(s.List(), ",") }

// Allow says whether a set holds, or implies, one of those that are needed.
func (s Scopes) Allow(one Scopes) bool {
	if s&Manage != 0 {
		s = all
	}
	if s&ReadAll != 0 {
		s |= Read
	}
	return s&one != 0
}

// MarshalJSON writes a list of names.
func (s Scopes) MarshalJSON() ([]byte, error) { return json.Marshal(s.List()) }

// UnmarshalJSON reads a list of names.
func (s *Scopes) UnmarshalJSON(b []byte) (err error) {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	*s, err = ParseScopes(names)
	return err
}

// Need is what a route asks of its callers: one of its scopes, or nothing where it is Public. The zero Need lets nobody in
// but those who may manage.
type Need struct {
	Any    Scopes
	Public bool
}

// What most routes need.
var (
	Everybody = Need{Public: true} // also who says nothing
	Known     = Need{Any: all}     // whoever says who they are
)

// One is the need for one of some scopes.
func One(of Scopes) Need { return Need{Any: of} }

// Admits says whether a principal may use a route.
func (n Need) Admits(p *Principal) bool {
	return n.Public || p != nil && (p.Scopes.Allow(n.Any) || p.Scopes&Manage != 0)
}

func (n Need) String() string {
	switch {
	case n.Public:
		return "nothing"
	case n.Any == 0:
		return "the scope manage"
	case n.Any == all:
		return "any scope"
	}
	return "the scope " + strings.Join(n.Any.List(), " or ")
}
