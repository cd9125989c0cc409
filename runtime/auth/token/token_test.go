package token

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/token/forge"
)

const (
	issuer   = "https://issuer.example"
	audience = "videosdgx"
	leeway   = 30 * time.Second
)

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) forward(d time.Duration) { c.at.Add(int64(d)) }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func fromFile(t *testing.T, i forge.Issuer) (*Verifier, *clock, string) {
	t.Helper()
	path, c := filepath.Join(t.TempDir(), "jwks.json"), newClock()
	write(t, path, i.JWKS())
	v, err := New(Config{JWKS: path, Issuer: issuer, Audience: audience, Leeway: leeway, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return v, c, path
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func good(c *clock) forge.Claims {
	return forge.Good(issuer, audience, "alice", "submit read other:thing", c.now())
}

func refused(err error) bool {
	var r *auth.Refused
	return errors.As(err, &r) && r.Text != "" && r.Why != ""
}

func TestGoodTokensOfEveryAlgorithm(t *testing.T) {
	i := forge.NewIssuer()
	v, c, _ := fromFile(t, i)
	for _, kid := range []string{"rsa", "ec", "ed"} {
		for range 2 { // the second time from memory
			p, err := v.Check(t.Context(), i.Token(kid, good(c)))
			if err != nil || p.Name != "alice" || p.Kind != auth.ByToken || p.Scopes != auth.Submit|auth.Read || p.Client() != "token:alice" {
				t.Errorf("%s: %+v, %v", kid, p, err)
			}
		}
	}
	for name, change := range map[string]forge.Claims{
		"a list of audiences":     {"aud": []string{"x", audience}},
		"scp":                     {"scope": nil, "scp": []string{"submit", "read"}},
		"expired within leeway":   {"exp": c.now().Add(-leeway / 2).Unix()},
		"not yet, within leeway":  {"nbf": c.now().Add(leeway / 2).Unix()},
		"made in a moment":        {"iat": c.now().Add(leeway / 2).Unix()},
		"exp with a fraction":     {"exp": float64(c.now().Unix()) + 60.5},
		"a type of access tokens": {"x": 1},
	} {
		if p, err := v.Check(t.Context(), i.Token("ec", good(c).With(change))); err != nil || !c.now().Before(p.Expires) || p.Scopes != auth.Submit|auth.Read {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if p, err := v.Check(t.Context(), i.Sign("ed", map[string]any{"alg": "EdDSA"}, good(c))); err != nil || p.Name != "alice" {
		t.Errorf("without kid and typ: %v", err)
	}
	if p, err := v.Check(t.Context(), i.Token("rsa", good(c).With(forge.Claims{"scope": "elsewhere"}))); err != nil || p.Scopes != 0 {
		t.Errorf("without a scope of ours: %+v, %v", p, err)
	}
}

func TestAttacks(t *testing.T) {
	i := forge.NewIssuer()
	v, c, _ := fromFile(t, i)
	all := forge.Attacks(i, good(c), c.now(), leeway)
	if len(all) < 30 {
		t.Fatalf("only %d attacks", len(all))
	}
	for _, a := range all {
		if p, err := v.Check(t.Context(), a.Token); !refused(err) {
			t.Errorf("%s: %+v, %v", a.Name, p, err)
		}
	}
}

// A moment that no answer can tell is none: it mostly is one in milliseconds.
func TestExpInMillisecondsIsRefused(t *testing.T) {
	i := forge.NewIssuer()
	v, c, _ := fromFile(t, i)
	for _, exp := range []any{c.now().Add(time.Hour).UnixMilli(), 1e12, int64(1) << 62} {
		if p, err := v.Check(t.Context(), i.Token("rsa", good(c).With(forge.Claims{"exp": exp}))); !refused(err) {
			t.Errorf("%v: %+v, %v", exp, p, err)
		}
	}
}

// A token that was good once is looked at again each time: what is remembered is its signature.
func TestATokenEndsAlsoFromMemory(t *testing.T) {
	i := forge.NewIssuer()
	v, c, _ := fromFile(t, i)
	token := i.Token("ed", good(c))
	if _, err := v.Check(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	c.forward(time.Hour + leeway + time.Second)
	if _, err := v.Check(t.Context(), token); !refused(err) {
		t.Errorf("%v", err)
	}
}

func TestRotation(t *testing.T) {
	old, fresh := forge.NewIssuer(), forge.NewIssuer()
	v, c, path := fromFile(t, old)
	before := old.Token("rsa", good(c))
	if _, err := v.Check(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	write(t, path, fresh.JWKS())
	c.forward(2 * fileAge)
	if _, err := v.Check(t.Context(), fresh.Token("rsa", good(c))); err != nil {
		t.Errorf("the new key: %v", err)
	}
	if _, err := v.Check(t.Context(), before); !refused(err) {
		t.Errorf("a key that was withdrawn still serves: %v", err)
	}
	write(t, path, []byte("{"))
	c.forward(2 * fileAge)
	if _, err := v.Check(t.Context(), fresh.Token("ec", good(c))); err != nil {
		t.Errorf("a damaged file takes the keys away that are known: %v", err)
	}
	c.forward(tooOld)
	if _, err := v.Check(t.Context(), fresh.Token("ec", good(c))); !refused(err) {
		t.Errorf("keys of yesterday serve without their file: %v", err)
	}
}

// web is an issuer's address.
type web struct {
	asked atomic.Int32
	set   atomic.Pointer[[]byte]
	down  atomic.Bool
}

func (w *web) get(context.Context, string) ([]byte, error) {
	w.asked.Add(1)
	if w.down.Load() {
		return nil, errors.New("down")
	}
	return *w.set.Load(), nil
}

func (w *web) serve(i forge.Issuer) { b := i.JWKS(); w.set.Store(&b) }

func TestAnAddressIsAskedSeldomAndFollowed(t *testing.T) {
	one, two, w, c := forge.NewIssuer(), forge.NewIssuer(), &web{}, newClock()
	w.serve(one)
	v, err := New(Config{JWKS: "https://issuer.example/jwks.json", Issuer: issuer, Audience: audience, Now: c.now, Get: w.get})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := v.Check(t.Context(), one.Token("ec", good(c))); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	for range 100 { // nobody makes this server ask for every token that names some key
		if _, err := v.Check(t.Context(), two.Sign("ed", map[string]any{"alg": "EdDSA", "kid": "new"}, good(c))); !refused(err) {
			t.Fatal(err)
		}
	}
	if n := w.asked.Load(); n > 2 {
		t.Errorf("asked %d times for a key that is not there", n)
	}
	w.down.Store(true)
	c.forward(webAge)
	if _, err := v.Check(t.Context(), one.Token("rsa", good(c))); err != nil {
		t.Errorf("while the issuer is down: %v", err)
	}
	w.down.Store(false)
	w.serve(two)
	c.forward(webAge)
	if _, err := v.Check(t.Context(), two.Token("rsa", good(c))); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if _, err := v.Check(t.Context(), one.Token("rsa", good(c))); !refused(err) {
		t.Errorf("the old key after a rotation: %v", err)
	}
}

func TestConfiguration(t *testing.T) {
	i := forge.NewIssuer()
	path := filepath.Join(t.TempDir(), "jwks.json")
	write(t, path, i.JWKS())
	for name, c := range map[string]Config{
		"no issuer":         {JWKS: path, Audience: audience},
		"no audience":       {JWKS: path, Issuer: issuer},
		"leeway of an hour": {JWKS: path, Issuer: issuer, Audience: audience, Leeway: time.Hour},
		"no file":           {JWKS: path + "x", Issuer: issuer, Audience: audience},
		"plain HTTP":        {JWKS: "http://issuer.example/jwks", Issuer: issuer, Audience: audience, Get: (&web{}).get},
		"another scheme":    {JWKS: "ftp://issuer.example/jwks", Issuer: issuer, Audience: audience, Get: (&web{}).get},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Sets may hold keys for other purposes; those that could be misused verify nothing.
func TestKeysThatAreNotTaken(t *testing.T) {
	for name, set := range map[string]string{
		"none":              `{"keys":[]}`,
		"a shared secret":   `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}`,
		"a short RSA key":   `{"keys":[{"kty":"RSA","n":"` + "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4" + `","e":"AQAB"}]}`,
		"P-384":             `{"keys":[{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}]}`,
		"for encryption":    `{"keys":[{"kty":"OKP","use":"enc","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"to sign, not else": `{"keys":[{"kty":"OKP","key_ops":["sign"],"crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"another algorithm": `{"keys":[{"kty":"OKP","alg":"HS256","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"a private key":     `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`,
		"no set":            `[]`,
	} {
		if k, err := parseSet([]byte(set)); err == nil {
			t.Errorf("%s: %+v", name, k)
		}
	}
	if k, err := parseSet([]byte(`{"keys":[{"kty":"new"},{"kty":"OKP","kid":"x","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)); err != nil || len(k) != 1 {
		t.Errorf("beside a key of a kind unknown here: %+v, %v", k, err)
	}
}

func FuzzCheck(f *testing.F) {
	i, c := forge.NewIssuer(), newClock()
	path := filepath.Join(f.TempDir(), "jwks.json")
	if err := os.WriteFile(path, i.JWKS(), 0o600); err != nil {
		f.Fatal(err)
	}
	v, err := New(Config{JWKS: path, Issuer: issuer, Audience: audience, Leeway: leeway, Now: c.now})
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range forge.Attacks(i, good(c), c.now(), leeway) {
		f.Add(a.Token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if p, err := v.Check(t.Context(), token); err == nil {
			t.Fatalf("%q is taken for %+v", token, p)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	i := forge.NewIssuer()
	c := newClock()
	path := filepath.Join(b.TempDir(), "jwks.json")
	if err := os.WriteFile(path, i.JWKS(), 0o600); err != nil {
		b.Fatal(err)
	}
	v, err := New(Config{JWKS: path, Issuer: issuer, Audience: audience, Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	for _, kid := range []string{"rsa", "ec", "ed"} {
		token := i.Token(kid, good(c))
		b.Run(kid, func(b *testing.B) {
			for b.Loop() {
				_, _ = v.Check(b.Context(), token)
			}
		})
		b.Run(kid+"-first", func(b *testing.B) {
			for b.Loop() {
				clear(v.good)
				_, _ = v.Check(b.Context(), token)
			}
		})
	}
}
