// Package keys keeps API keys in one file: a digest of each, who it is for, what it may do and until when. Several processes
// may use the file: the server sees within a second what the command line writes into it.
package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// Record is a key as the file has it. The key itself is shown once, when it is made.
type Record struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"` // whom it is for: keys of one name see one another's jobs
	Scopes  auth.Scopes `json:"scopes"`
	Hash    string      `json:"hash,omitempty"` // SHA-256 of the whole key; it has 256 random bits, so that no slower digest is called for
	Created time.Time   `json:"created"`
	Expires time.Time   `json:"expires,omitzero"`
	Revoked time.Time   `json:"revoked,omitzero"` // a revoked key stays in the file: without any the server would ask nobody
}

// State is good, expired or revoked.
func (r Record) State(now time.Time) string {
	switch {
	case !r.Revoked.IsZero():
		return "revoked"
	case !r.Expires.IsZero() && !now.Before(r.Expires):
		return "expired"
	}
	return "good"
}

func (r Record) principal() *auth.Principal {
	return &auth.Principal{Kind: auth.ByKey, Name: r.Name, ID: r.ID, Scopes: r.Scopes, Expires: r.Expires}
}

// Prefix begins every key, so that scanners for secrets find one that has leaked.
const Prefix = "vdx_"

const (
	idBytes     = 5  // 8 letters
	secretBytes = 32 // 43 letters
)

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// Wish is a key to be made.
type Wish struct {
	Name    string        `json:"name"`
	Scopes  auth.Scopes   `json:"scopes"`
	Expires time.Duration `json:"-"` // from now; 0: never
}

func (w Wish) validate() error {
	switch {
	case !nameForm.MatchString(w.Name):
		return fmt.Errorf("%.70q is no name for a key: letters, digits and . _ @ -, 64 at most, a letter or digit first: %w", w.Name, errdefs.ErrInvalidArgument)
	case w.Scopes == 0:
		return fmt.Errorf("a key without scopes opens nothing: give one or more of %s: %w", strings.Join(auth.Names, ", "), errdefs.ErrInvalidArgument)
	case w.Expires < 0:
		return fmt.Errorf("a key cannot expire before it is made: %w", errdefs.ErrInvalidArgument)
	}
	return nil
}

// make draws a key.
func (w Wish) make(now time.Time) (Record, string) {
	var random [idBytes + secretBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	id := letters.EncodeToString(random[:idBytes])
	secret := Prefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[idBytes:])
	r := Record{ID: id, Name: w.Name, Scopes: w.Scopes, Hash: digest(secret), Created: now.UTC().Truncate(time.Second)}
	if w.Expires > 0 {
		r.Expires = now.Add(w.Expires).UTC().Truncate(time.Second)
	}
	return r, secret
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// idOf is the id that a key names; "" when it is of another form.
func idOf(secret string) string {
	rest, ok := strings.CutPrefix(secret, Prefix)
	id, tail, found := strings.Cut(rest, "_")
	if !ok || !found || len(id) != letters.EncodedLen(idBytes) || len(tail) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return ""
	}
	return id
}

// Is says whether a credential has the form of a key.
func Is(secret string) bool { return strings.HasPrefix(secret, Prefix) }

// admits says whether a key is a record's, and good now.
func (r Record) admits(secret string, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(digest(secret)), []byte(r.Hash)) != 1 {
		return errUnknown
	}
	switch r.State(now) {
	case "revoked":
		return auth.Refuse("this key has been revoked: ask for another", "key %s of %s, revoked", r.ID, r.Name)
	case "expired":
		return auth.Refuse("this key expired on "+r.Expires.Format(time.RFC3339)+": ask for another", "key %s of %s, expired", r.ID, r.Name)
	}
	return nil
}

var errUnknown = auth.Refuse("this is not a key of this server", "unknown key")
