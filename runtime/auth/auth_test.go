package auth

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestScopesImply(t *testing.T) {
	for _, c := range []struct {
		has, needs Scopes
		want       bool
	}{
		{Invoke, Invoke, true}, {Invoke, Submit, false}, {0, Invoke, false}, {0, all, false}, {ReadAll, Read, true}, {Read, ReadAll, false},
		{Manage, Invoke, true}, {Manage, Metrics, true}, {Metrics, Manage, false}, {Submit | Read, Read | Metrics, true}, {all &^ Manage, Manage, false}, {Invoke, 0, false},
	} {
		if got := c.has.Allow(c.needs); got != c.want {
			t.Errorf("%v for %v: %v", c.has, c.needs, got)
		}
	}
}

func TestNeeds(t *testing.T) {
	some, admin := &Principal{Scopes: all &^ Manage}, &Principal{Scopes: Manage}
	for _, c := range []struct {
		need Need
		p    *Principal
		want bool
	}{
		{Everybody, nil, true}, {Known, nil, false}, {Known, &Principal{}, false}, {Known, some, true}, {One(Submit), some, true},
		{Need{}, some, false}, {Need{}, admin, true}, {Need{}, nil, false}, {One(Manage), some, false}, {One(Manage), admin, true},
	} {
		if got := c.need.Admits(c.p); got != c.want {
			t.Errorf("%v for %+v: %v", c.need, c.p, got)
		}
	}
}

func TestScopesInJSON(t *testing.T) {
	var s Scopes
	if err := json.Unmarshal([]byte(`["read","invoke"]`), &s); err != nil || s != Read|Invoke {
		t.Errorf("%v, %v", s, err)
	}
	if b, err := json.Marshal(s); err != nil || string(b) != `["invoke","read"]` {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`["root"]`), &s); err == nil || !strings.Contains(err.Error(), "read-all") {
		t.Errorf("%v", err)
	}
	if KnownScopes([]string{"root", "read"}) != Read {
		t.Error("unknown scopes count")
	}
}

// Two people never share a name in the queue, whatever they are called.
func TestClientsStayApart(t *testing.T) {
	names := map[string]string{}
	for _, p := range []Principal{
		{Kind: ByKey, Name: "alice"}, {Kind: ByToken, Name: "alice"}, {Kind: BySignature, Name: "alice"}, {Kind: ByToken, Name: strings.Repeat("a", 200)},
		{Kind: ByToken, Name: strings.Repeat("a", 201)}, {Kind: ByToken, Name: "a\nb"}, {Kind: ByToken, Name: "a\x00b"},
	} {
		c := p.Client()
		if before, taken := names[c]; taken || len(c) > maxClient || strings.ContainsAny(c, "\n\x00") {
			t.Errorf("%q is %q, as %q", p.Name, c, before)
		}
		names[c] = p.Name
	}
}
