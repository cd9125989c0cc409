package lambda

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Ref names a function, and maybe one of its versions or aliases.
type Ref struct {
	Name      string
	Qualifier string // "" when none was given
}

// isName says whether s has the form of a function's name: ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,139}$. Every call asks.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		case i > 0 && (c == '.' || c == '-'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= 140
}

// ParseRef reads the forms that Lambda's API takes: name, name:qualifier, account:function:name[:qualifier], and the ARN
// arn:aws:lambda:region:account:function:name[:qualifier]. Region and account may be any.
func ParseRef(s string) (Ref, error) {
	if isName(s) { // the common case
		return Ref{Name: s}, nil
	}
	rest := s
	if strings.HasPrefix(s, "arn:") {
		parts := strings.SplitN(s, ":", 6)
		if len(parts) != 6 || parts[2] != "lambda" {
			return Ref{}, invalid("%q is not the ARN of a function; write arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]", s)
		}
		rest = parts[5]
	} else if account, tail, ok := strings.Cut(s, ":"); ok && strings.HasPrefix(tail, "function:") && len(account) == 12 && strings.Trim(account, "0123456789") == "" {
		rest = tail
	}
	rest = strings.TrimPrefix(rest, "function:")
	name, qualifier, has := strings.Cut(rest, ":")
	if !isName(name) || (has && !spec.IsQualifier(qualifier)) {
		return Ref{}, invalid("%q does not name a function; write NAME, NAME:QUALIFIER or an ARN", s)
	}
	return Ref{name, qualifier}, nil
}

// ref reads {fn} and ?Qualifier of a request; the two must agree where both name a qualifier.
func (a *API) ref(r *http.Request) (Ref, error) {
	ref, err := ParseRef(r.PathValue("fn"))
	if err != nil || r.URL.RawQuery == "" {
		return ref, err
	}
	q := r.URL.Query().Get("Qualifier")
	if q == "" {
		return ref, nil
	}
	if !spec.IsQualifier(q) {
		return ref, invalid("%q is not a qualifier; write a version's number, an alias or $LATEST", q)
	}
	if ref.Qualifier != "" && ref.Qualifier != q {
		return ref, invalid("the derived qualifier from the function name (%s) does not match the specified qualifier (%s)", ref.Qualifier, q)
	}
	ref.Qualifier = q
	return ref, nil
}

func (a *API) exists(r *http.Request, name string) bool {
	_, err := a.Functions.Get(r.Context(), name, "")
	return err == nil
}

// callee resolves the function of an invocation.
func (a *API) callee(r *http.Request) (Ref, spec.Function, error) {
	if s := r.PathValue("fn"); s != "function" || a.exists(r, s) {
		return a.find(r)
	}
	ref, err := a.onlyFunction(r)
	return a.found(r, ref, err)
}

// onlyFunction serves the name "function", which the Lambda Runtime Interface Emulator's users have in their scripts,
// where exactly one function is registered. It does so for invocations alone: whoever deletes "function" means no other.
func (a *API) onlyFunction(r *http.Request) (Ref, error) {
	all, err := gateway.Latest(r.Context(), a.Functions)
	if err != nil {
		return Ref{}, err
	}
	if len(all) != 1 {
		return Ref{}, fmt.Errorf("function not found: function; the name \"function\" stands for the only one, and there are %d: %w", len(all), errdefs.ErrNotFound)
	}
	return Ref{Name: all[0].Name, Qualifier: r.URL.Query().Get("Qualifier")}, nil
}

// find resolves a request's function.
func (a *API) find(r *http.Request) (Ref, spec.Function, error) {
	ref, err := a.ref(r)
	return a.found(r, ref, err)
}

// found gives what ref names; err is why there is no ref.
func (a *API) found(r *http.Request, ref Ref, err error) (Ref, spec.Function, error) {
	if err != nil {
		return ref, spec.Function{}, err
	}
	fn, err := gateway.Find(r.Context(), a.Functions, ref.Name, ref.Qualifier)
	return ref, fn, err
}

// arn is a function's name in full; qualifier "" leaves it unqualified.
func (a *API) arn(name, qualifier string) string {
	s := "arn:aws:lambda:" + a.Region + ":" + a.Account + ":function:" + name
	if qualifier != "" {
		s += ":" + qualifier
	}
	return s
}

// findName resolves a request's function by its name alone, for calls where a qualifier has no meaning.
func (a *API) findName(r *http.Request) (Ref, spec.Function, error) {
	ref, err := a.ref(r)
	if err != nil {
		return ref, spec.Function{}, err
	}
	fn, err := gateway.Find(r.Context(), a.Functions, ref.Name, "")
	return ref, fn, err
}
