package jsonform

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type inner struct{ Size int }

type base struct {
	Name string `json:"name"`
}

type shape struct {
	base
	Pin  *bool             `json:"pin"`
	Env  map[string]string `json:"environment"`
	List []inner
	Deep *inner `json:"deep"`
}

func TestTwice(t *testing.T) {
	typed := reflect.TypeFor[*shape]()
	for in, want := range map[string]struct{ plain, typed string }{ // pointers; "": said once
		`{}`: {}, `[]`: {}, `1`: {}, `{"a":1,"b":[{"a":1},{"a":2}],"c":{"a":1}}`: {}, `{"a":1,`: {}, ``: {},
		`{"a":1,"a":1}`:                             {"/a", "/a"},
		`{"a":null,"a":1}`:                          {"/a", "/a"},
		`{ "a" : 1 , "\u0061" : 2 }`:                {"/a", "/a"},
		`{"x":{"y":[0,{"b/c":1,"~":2,"b/c":3}]}}`:   {"/x/y/1/b~1c", "/x/y/1/b~1c"},
		`[[],[{}, {"a":{},"a":{}}]]`:                {"/1/1/a", "/1/1/a"},
		`{"é":1,"\u00e9":2}`:                        {"/é", "/é"},
		`{"":1,"":2}`:                               {"/", "/"},
		`{"pin":true,"PIN":false}`:                  {"", "/PIN"},
		`{"name":"a","Name":"b"}`:                   {"", "/Name"},
		`{"Pin":true,"p\u0131n":false}`:             {},
		`{"List":[{"size":1},{"size":1,"SIZE":2}]}`: {"", "/List/1/SIZE"},
		`{"deep":{"size":1,"ſize":2}}`:              {"", "/deep/ſize"},
		`{"environment":{"a":"1","A":"2"}}`:         {},
		`{"environment":{"a":"1","a":"2"}}`:         {"/environment/a", "/environment/a"},
		`{"other":{"a":1,"A":2}}`:                   {},
	} {
		for _, c := range []struct {
			into reflect.Type
			want string
		}{{nil, want.plain}, {typed, want.typed}} {
			got := ""
			if found := Twice([]byte(in), c.into); found != nil {
				got = found.Pointer
			}
			if got != c.want {
				t.Errorf("%s into %v: %q, want %q", in, c.into, got, c.want)
			}
		}
	}
}

// TestTwiceIsShort, whatever is sent.
func TestTwiceIsShort(t *testing.T) {
	long := strings.Repeat("v", 1<<20)
	found := Twice([]byte(strings.Repeat(`{"`+long[:1<<10]+`":`, 9999)+`{"`+long+`":1,"`+long+`":2}`+strings.Repeat("}", 9999)), nil)
	if found == nil || len(found.Error()) > 200 || len(found.Pointer) > 2*deepest {
		t.Fatalf("%.500v", found)
	}
}

func TestDecode(t *testing.T) {
	var s shape
	if err := Decode([]byte(`{"name":"a","pin":true,"environment":{"b":"c"},"more":1}`), &s); err != nil || s.Name != "a" || !*s.Pin || s.Env["b"] != "c" {
		t.Errorf("%+v %v", s, err)
	}
	for _, in := range []string{`{"name":"a","Name":"b"}`, `{"name":"a","name":"b"}`} {
		for _, decode := range []func([]byte, any) error{Decode, DecodeKnown} {
			var twice *TwiceError
			if err := decode([]byte(in), &s); !errors.As(err, &twice) || s.Name != "a" {
				t.Errorf("%s: %+v %v", in, s, err)
			}
		}
	}
	for _, in := range []string{`{"more":1}`, `{} {}`, `{}]`, ``, `{`} {
		if DecodeKnown([]byte(in), &s) == nil {
			t.Errorf("%q is taken", in)
		}
	}
	if err := DecodeKnown([]byte(` {"name":"z"} `), &s); err != nil || s.Name != "z" {
		t.Errorf("%+v %v", s, err)
	}
}

// FuzzTwice holds it against a walk by encoding/json's tokens.
func FuzzTwice(f *testing.F) {
	for _, in := range append(inputs, `{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":[{}]}}`, `[{"a":1},{"a":1}]`) {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, want := Twice(in, nil) != nil, json.Valid(in) && twiceByTokens(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
		Twice(in, reflect.TypeFor[shape]())
	})
}

func twiceByTokens(in []byte) bool {
	d := json.NewDecoder(strings.NewReader(string(in)))
	d.UseNumber()
	type open struct {
		seen map[string]bool // nil: a list
		name bool            // comes next
	}
	var all []open
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		if n := len(all); n > 0 && all[n-1].seen != nil {
			top := &all[n-1]
			if s, ok := tok.(string); ok && top.name {
				if top.seen[s] {
					return true
				}
				top.seen[s], top.name = true, false
				continue
			}
			top.name = true
		}
		switch tok {
		case json.Delim('{'):
			all = append(all, open{map[string]bool{}, true})
		case json.Delim('['):
			all = append(all, open{})
		case json.Delim('}'), json.Delim(']'):
			all = all[:len(all)-1]
		}
	}
}
