// Package forge makes JSON Web Tokens as an issuer would, and as an attacker would: for tests and for bench/hostile.
package forge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"time"
)

// Issuer has one key of each kind, with the ids "rsa", "ec" and "ed".
type Issuer struct {
	RSA *rsa.PrivateKey
	EC  *ecdsa.PrivateKey
	Ed  ed25519.PrivateKey
}

// NewIssuer draws keys.
func NewIssuer() Issuer {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	_, d, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	return Issuer{r, e, d}
}

func must(err error) {
	if err != nil {
		panic(err) // drawing keys and encoding plain data do not fail
	}
}

// Claims are a token's payload.
type Claims map[string]any

// Good are claims that a verifier of this issuer and audience takes.
func Good(issuer, audience, subject, scope string, now time.Time) Claims {
	return Claims{"iss": issuer, "aud": audience, "sub": subject, "scope": scope, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
}

// With is claims with some changed; nil takes one away.
func (c Claims) With(change Claims) Claims {
	out := maps.Clone(c)
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func part(v any) string {
	b, err := json.Marshal(v)
	must(err)
	return b64(b)
}

// JWKS is the issuer's public keys, as it would publish them.
func (i Issuer) JWKS() []byte {
	point, err := i.EC.PublicKey.Bytes() // 4, x, y
	must(err)
	b, err := json.Marshal(map[string]any{"keys": []any{
		map[string]any{"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": b64(i.RSA.N.Bytes()), "e": b64(big.NewInt(int64(i.RSA.E)).Bytes())},
		map[string]any{"kty": "EC", "kid": "ec", "use": "sig", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		map[string]any{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64(i.Ed.Public().(ed25519.PublicKey))},
	}})
	must(err)
	return b
}

// Token signs claims with the key of an id, as an issuer would.
func (i Issuer) Token(kid string, c Claims) string {
	alg := map[string]string{"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}[kid]
	return i.Sign(kid, map[string]any{"alg": alg, "kid": kid, "typ": "JWT"}, c)
}

// Sign signs claims with the key of an id under any header.
func (i Issuer) Sign(kid string, header map[string]any, c Claims) string {
	text := part(header) + "." + part(c)
	return text + "." + b64(i.signature(kid, text))
}

func (i Issuer) signature(kid, text string) (sig []byte) {
	sum := sha256.Sum256([]byte(text))
	var err error
	switch kid {
	case "rsa":
		sig, err = rsa.SignPKCS1v15(rand.Reader, i.RSA, crypto.SHA256, sum[:])
	case "ec":
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, i.EC, sum[:]); err == nil {
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	default:
		sig = ed25519.Sign(i.Ed, []byte(text))
	}
	must(err)
	return sig
}

// HMAC signs with a shared secret, as a verifier that is confused about algorithms would check it.
func HMAC(header map[string]any, c Claims, secret []byte) string {
	text := part(header) + "." + part(c)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(text))
	return text + "." + b64(m.Sum(nil))
}

// PEM is the public RSA key as HS256 attacks use it.
func (i Issuer) PEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(&i.RSA.PublicKey)
	must(err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// parts takes a token apart.
func parts(token string) []string { return strings.Split(token, ".") }
