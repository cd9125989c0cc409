package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/go-jose/go-jose/v4"
)

// algorithms are those that a token may be signed with: each needs a key that only the issuer has.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// key verifies tokens of one algorithm.
type key struct {
	id     string
	alg    jose.SignatureAlgorithm
	public any
}

const (
	maxKeys = 64
	minRSA  = 2048 // bits
)

// parseSet reads a JWKS (RFC 7517). Keys that are for something else, of a kind unknown here, too short or no public keys
// are passed over; a set without any that could verify a token is an error.
func parseSet(b []byte) ([]key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("it is no JSON Web Key Set: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	var keys []key
	for _, raw := range set.Keys {
		if k, ok := parseKey(raw); ok && len(keys) < maxKeys {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("it has no key for RS256, ES256 or EdDSA among its %d: %w", len(set.Keys), errdefs.ErrInvalidArgument)
	}
	return keys, nil
}

func parseKey(raw []byte) (key, bool) {
	var k jose.JSONWebKey
	var use struct {
		Operations []string `json:"key_ops"`
	}
	if k.UnmarshalJSON(raw) != nil || json.Unmarshal(raw, &use) != nil || !k.Valid() {
		return key{}, false
	}
	if k.Use != "" && k.Use != "sig" || use.Operations != nil && !slices.Contains(use.Operations, "verify") {
		return key{}, false
	}
	alg := algorithmOf(k.Key)
	return key{k.KeyID, alg, k.Key}, alg != "" && (k.Algorithm == "" || k.Algorithm == string(alg))
}

// algorithmOf is the one algorithm that a public key is taken for; "" for any other key, also a private or a shared one.
func algorithmOf(public any) jose.SignatureAlgorithm {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if p.N.BitLen() >= minRSA {
			return jose.RS256
		}
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			return jose.ES256
		}
	case ed25519.PublicKey:
		return jose.EdDSA
	}
	return ""
}
