package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
	"unicode"

	"github.com/containerd/errdefs"
)

// Kinds of credentials.
const (
	ByKey       = "key"       // an API key
	ByToken     = "token"     // a JWT
	BySignature = "signature" // AWS Signature Version 4
	BySocket    = "socket"    // the connection came over the unix socket, whose permissions say who may
)

// Principal is who a request is made for, as far as a credential has proved it.
type Principal struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`         // of a key its name, of a token its subject
	ID      string    `json:"id,omitempty"` // of a key
	Scopes  Scopes    `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
}

// maxClient is how long a client's name may be in the queue, in bytes.
const maxClient = 128

// Client is the name under which the queue keeps somebody's jobs: the same for all keys of one name. "" for those who are
// not told apart, as all who may use the socket.
func (p *Principal) Client() string {
	switch p.Kind {
	case ByKey:
		return p.Name
	case ByToken, BySignature:
		return named(p.Kind+":", p.Name)
	}
	return ""
}

// named keeps a name as it is where the queue takes it, else its digest: two names never become one.
func named(kind, name string) string {
	plain := len(kind)+len(name) <= maxClient
	for _, r := range name {
		plain = plain && unicode.IsPrint(r)
	}
	if plain {
		return kind + name
	}
	sum := sha256.Sum256([]byte(name))
	return kind + "sha256:" + hex.EncodeToString(sum[:])
}

type key struct{}

// With gives a context that says for whom its request is made.
func With(ctx context.Context, p *Principal) context.Context { return context.WithValue(ctx, key{}, p) }

// From is who a request is made for; nil where the server asks nobody, or the route everybody.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(key{}).(*Principal)
	return p
}

// Refused is the error for a credential that is not good. Its text is for the caller, and Why for the log alone.
type Refused struct {
	Text string
	Why  string
}

func (e *Refused) Error() string { return e.Text }
func (e *Refused) Unwrap() error { return errdefs.ErrUnauthenticated }

// Refuse makes a Refused.
func Refuse(text, why string, args ...any) error {
	return &Refused{text, fmt.Sprintf(why, args...)}
}
