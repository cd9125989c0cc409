package forge

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"strings"
	"time"
)

// Attack is a token that no verifier of the issuer may take.
type Attack struct {
	Name, Token string
}

// Attacks are tokens against a verifier of the issuer's keys, which takes the good claims, at a moment. leeway is the verifier's.
func Attacks(i Issuer, good Claims, now time.Time, leeway time.Duration) []Attack {
	other, rsa := NewIssuer(), i.Token("rsa", good)
	p := parts(rsa)
	header := func(more map[string]any) map[string]any {
		return Claims{"alg": "RS256", "kid": "rsa", "typ": "JWT"}.With(more)
	}
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	all := []Attack{
		{"alg none, no signature", part(header(map[string]any{"alg": "none"})) + "." + p[1] + "."},
		{"alg nOnE, no signature", part(header(map[string]any{"alg": "nOnE"})) + "." + p[1] + "."},
		{"alg none, the signature kept", part(header(map[string]any{"alg": "none"})) + "." + p[1] + "." + p[2]},
		{"no alg", part(header(map[string]any{"alg": nil})) + "." + p[1] + "." + p[2]},
		{"the signature taken away", p[0] + "." + p[1] + "."},
		{"HS256 under the public key in PEM", HMAC(header(map[string]any{"alg": "HS256"}), good, i.PEM())},
		{"HS256 under the public modulus", HMAC(header(map[string]any{"alg": "HS256"}), good, i.RSA.N.Bytes())},
		{"HS256 under the whole JWKS", HMAC(header(map[string]any{"alg": "HS256"}), good, i.JWKS())},
		{"HS256 under nothing", HMAC(header(map[string]any{"alg": "HS256"}), good, nil)},
		{"an RSA signature called ES256", i.Sign("rsa", header(map[string]any{"alg": "ES256", "kid": "ec"}), good)},
		{"an RSA signature called EdDSA", i.Sign("rsa", header(map[string]any{"alg": "EdDSA", "kid": "ed"}), good)},
		{"RS256 called PS256", i.Sign("rsa", header(map[string]any{"alg": "PS256"}), good)},
		{"ES256 with r and s zero", p2(header(map[string]any{"alg": "ES256", "kid": "ec"}), good, make([]byte, 64))},
		{"RS256 with a signature of zeros", p2(header(nil), good, make([]byte, 256))},
		{"EdDSA with a signature of zeros", p2(header(map[string]any{"alg": "EdDSA", "kid": "ed"}), good, make([]byte, 64))},
		{"another issuer's key under the right id", other.Token("rsa", good)},
		{"another issuer's key, itself in the header", other.Sign("rsa", header(map[string]any{"jwk": embedded(other)}), good)},
		{"another issuer's key by jku", other.Sign("rsa", header(map[string]any{"jku": "http://127.0.0.1:1/jwks.json"}), good)},
		{"another issuer's key by x5u", other.Sign("rsa", header(map[string]any{"x5u": "http://127.0.0.1:1/cert.pem"}), good)},
		{"a kid that walks to a file", HMAC(header(map[string]any{"alg": "HS256", "kid": "../../../../dev/null"}), good, nil)},
		{"a kid that is SQL", other.Sign("rsa", header(map[string]any{"kid": "x' UNION SELECT 'k"}), good)},
		{"no kid, and another issuer's key", other.Sign("rsa", header(map[string]any{"kid": nil}), good)},
		{"the subject changed", p[0] + "." + part(good.With(Claims{"sub": "root"})) + "." + p[2]},
		{"the scope changed", p[0] + "." + part(good.With(Claims{"scope": "manage"})) + "." + p[2]},
		{"one bit of the signature", p[0] + "." + p[1] + "." + flip(p[2])},
		{"expired", i.Token("rsa", good.With(Claims{"exp": at(-leeway - time.Minute)}))},
		{"without exp", i.Token("ec", good.With(Claims{"exp": nil}))},
		{"exp as text", i.Token("ed", good.With(Claims{"exp": "2099-01-01"}))},
		{"not good yet", i.Token("rsa", good.With(Claims{"nbf": at(leeway + time.Minute)}))},
		{"made in the future", i.Token("rsa", good.With(Claims{"iat": at(leeway + time.Minute)}))},
		{"for another audience", i.Token("rsa", good.With(Claims{"aud": "somebody-else"}))},
		{"for no audience", i.Token("rsa", good.With(Claims{"aud": nil}))},
		{"for an audience that begins as ours", i.Token("rsa", good.With(Claims{"aud": []string{good["aud"].(string) + ".evil.example"}}))},
		{"of another issuer", i.Token("rsa", good.With(Claims{"iss": "https://evil.example"}))},
		{"of no issuer", i.Token("rsa", good.With(Claims{"iss": nil}))},
		{"of an issuer that begins as ours", i.Token("rsa", good.With(Claims{"iss": good["iss"].(string) + ".evil.example"}))},
		{"without a subject", i.Token("rsa", good.With(Claims{"sub": nil}))},
		{"a token of another type", i.Sign("rsa", header(map[string]any{"typ": "dpop+jwt"}), good)},
		{"a critical header that nobody knows", i.Sign("rsa", header(map[string]any{"crit": []string{"exotic"}, "exotic": true}), good)},
		{"b64 false", i.Sign("rsa", header(map[string]any{"crit": []string{"b64"}, "b64": false}), good)},
		{"a compressed payload", i.Sign("rsa", header(map[string]any{"zip": "DEF"}), Claims{"z": deflated(good)})},
		{"encrypted in name", part(map[string]any{"alg": "RSA-OAEP", "enc": "A256GCM"}) + "." + p[1] + "." + p[2] + ".AAAA.AAAA"},
		{"JSON serialisation", `{"payload":"` + p[1] + `","protected":"` + p[0] + `","signature":"` + p[2] + `"}`},
		{"two claims of one name", twice(i)},
		{"padding in base64", pad(p[0]) + "." + pad(p[1]) + "." + pad(p[2])},
		{"longer than may be", i.Token("rsa", good.With(Claims{"x": strings.Repeat("A", 64<<10)}))},
		{"four parts", rsa + "." + p[2]}, {"two parts", p[0] + "." + p[1]}, {"nothing but dots", ".."}, {"the payload alone", p[1]},
	}
	return all
}

func p2(header map[string]any, c Claims, sig []byte) string {
	return part(header) + "." + part(c) + "." + b64(sig)
}

func embedded(i Issuer) map[string]any {
	return map[string]any{"kty": "RSA", "kid": "rsa", "n": b64(i.RSA.N.Bytes()), "e": "AQAB"}
}

func flip(sig string) string {
	b, err := base64.RawURLEncoding.DecodeString(sig)
	must(err)
	b[len(b)/2] ^= 1
	return b64(b)
}

func pad(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) + "=" }

func deflated(c Claims) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	must(err)
	_, _ = w.Write([]byte(part(c)))
	must(w.Close())
	return b64(b.Bytes())
}

// twice is a token, well signed, whose payload has sub twice: readers differ about which one counts.
func twice(i Issuer) string {
	text := part(map[string]any{"alg": "RS256", "kid": "rsa"}) + "." + b64([]byte(`{"iss":"x","sub":"a","sub":"root","aud":"y","exp":99999999999}`))
	return text + "." + b64(i.signature("rsa", text))
}
