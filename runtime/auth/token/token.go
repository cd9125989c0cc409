// Package token says whose a JSON Web Token (RFC 7519) is: one that the configured issuer has signed with a key of its JWKS,
// for this audience, and that is good now. Signatures are RS256, ES256 or EdDSA; what else a token's header says of keys or
// algorithms counts for nothing.
package token

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// Config says whose tokens are good. JWKS, Issuer and Audience must be set.
type Config struct {
	JWKS     string        // a file, or an https:// address
	Issuer   string        // what iss must be
	Audience string        // what aud must be, or hold
	Leeway   time.Duration // that clocks may be apart
	Get      Get           // for the address
	Now      func() time.Time
}

// MaxLeeway is as far as clocks may be apart.
const MaxLeeway = 5 * time.Minute

// Verifier checks tokens. Safe for concurrent use.
type Verifier struct {
	c    Config
	keys *source

	mu   sync.RWMutex
	good map[[sha256.Size]byte]verified // a signature costs more than all else of a request
}

// verified is a token whose signature was found good.
type verified struct {
	turn uint64 // of the keys
	of   claims
	is   *auth.Principal // as long as it is good
}

// Bounds of what is read and kept.
const (
	maxToken = 8 << 10 // bytes
	maxGood  = 4096
)

// New makes a Verifier. A file must be there and right; an address may answer later.
func New(c Config) (*Verifier, error) {
	if c.Issuer == "" || c.Audience == "" {
		return nil, fmt.Errorf("jwks needs jwtIssuer and jwtAudience: without them a token for somebody else would do: %w", errdefs.ErrInvalidArgument)
	}
	if c.Leeway < 0 || c.Leeway > MaxLeeway {
		return nil, fmt.Errorf("jwtLeeway is %s: it takes 0s to %s: %w", c.Leeway, MaxLeeway, errdefs.ErrInvalidArgument)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	keys, err := newSource(c.JWKS, c.Now, c.Get)
	if err != nil {
		return nil, err
	}
	return &Verifier{c: c, keys: keys, good: map[[sha256.Size]byte]verified{}}, nil
}

// Reload asks for the issuer's keys now; those that there are go on where that fails.
func (v *Verifier) Reload(ctx context.Context) error { return v.keys.reload(ctx) }

// claims are those that are read.
type claims struct {
	Issuer    string           `json:"iss"`
	Subject   string           `json:"sub"`
	Audience  jwt.Audience     `json:"aud"`
	Expires   *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
	Scope     words            `json:"scope"`
	Scp       words            `json:"scp"` // as some issuers call it
}

// words are a text with blanks between them, or a list.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err == nil {
		*w = strings.Fields(text)
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// Check says whose a token is. Its errors are *auth.Refused.
func (v *Verifier) Check(ctx context.Context, raw string) (*auth.Principal, error) {
	sum := sha256.Sum256([]byte(raw))
	v.mu.RLock()
	known, ok := v.good[sum]
	v.mu.RUnlock()
	if !ok || known.turn != v.keys.current(ctx) {
		var err error
		if known, err = v.verify(ctx, raw); err != nil {
			return nil, err
		}
		v.keep(sum, known)
	}
	return v.admit(known)
}

func (v *Verifier) keep(sum [sha256.Size]byte, known verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.good) >= maxGood {
		clear(v.good)
	}
	v.good[sum] = known
}

// errBad says no more than it must: whoever tries tokens learns nothing from it.
func errBad(why string, args ...any) error {
	return auth.Refuse("this token is not one that this server takes: its signature, issuer or audience is another", why, args...)
}

// verify checks what does not change with time: form, signature, issuer and audience.
func (v *Verifier) verify(ctx context.Context, raw string) (out verified, err error) {
	if len(raw) > maxToken {
		return out, errBad("it has %d bytes", len(raw))
	}
	t, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		return out, errBad("%v", err)
	}
	if len(t.Headers) != 1 || !isJWT(t.Headers[0]) {
		return out, errBad("its typ is another")
	}
	if out.turn, err = v.signed(ctx, t, &out.of); err != nil {
		return out, err
	}
	c := out.of
	switch {
	case c.Issuer != v.c.Issuer:
		return out, errBad("its issuer is %.100q", c.Issuer)
	case !slices.Contains(c.Audience, v.c.Audience):
		return out, errBad("its audience is %.100q", c.Audience)
	case c.Subject == "":
		return out, errBad("it has no sub")
	case c.Expires == nil:
		return out, errBad("it has no exp")
	case c.Expires.Time().Year() > 9999:
		return out, errBad("its exp is %d, which no time as text can be: is it in milliseconds?", *c.Expires)
	}
	out.is = &auth.Principal{Kind: auth.ByToken, Name: c.Subject, Scopes: auth.KnownScopes(append(slices.Clone(c.Scope), c.Scp...)), Expires: c.Expires.Time().Add(v.c.Leeway).UTC()}
	return out, nil
}

// isJWT says whether a header is of a token for access, as far as it says: one for something else is not taken for it.
func isJWT(h jose.Header) bool {
	kind, there := h.ExtraHeaders[jose.HeaderType]
	if !there {
		return true
	}
	text, _ := kind.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	return text == "jwt" || text == "at+jwt"
}

// signed checks the signature with the key that the header names, or with every key of its algorithm.
func (v *Verifier) signed(ctx context.Context, t *jwt.JSONWebToken, into *claims) (turn uint64, err error) {
	h := t.Headers[0]
	keys, turn, err := v.keys.get(ctx, h.KeyID)
	if err != nil {
		return 0, auth.Refuse("tokens cannot be checked now: the issuer's keys are not to be had", "%v", err)
	}
	err = errors.New("no key of that id and algorithm")
	for _, k := range keys {
		if string(k.alg) != h.Algorithm {
			continue
		}
		*into = claims{}
		if err = t.Claims(k.public, into); err == nil {
			return turn, nil
		}
	}
	return 0, errBad("key %.100q, algorithm %.20q: %v", h.KeyID, h.Algorithm, err)
}

// admit checks what changes with time.
func (v *Verifier) admit(known verified) (*auth.Principal, error) {
	c, now := known.of, v.c.Now()
	switch {
	case !now.Before(c.Expires.Time().Add(v.c.Leeway)):
		return nil, auth.Refuse("this token has expired: get another", "of %.100q, expired at %s", c.Subject, c.Expires.Time().UTC())
	case c.NotBefore != nil && now.Add(v.c.Leeway).Before(c.NotBefore.Time()):
		return nil, auth.Refuse("this token is not good yet", "of %.100q, nbf %s", c.Subject, c.NotBefore.Time().UTC())
	case c.IssuedAt != nil && now.Add(v.c.Leeway).Before(c.IssuedAt.Time()):
		return nil, auth.Refuse("this token was made in the future: check the clocks", "of %.100q, iat %s", c.Subject, c.IssuedAt.Time().UTC())
	}
	p := *known.is // the caller's own
	return &p, nil
}
