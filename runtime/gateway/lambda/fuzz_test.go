package lambda

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,139}$`)

func FuzzIsName(f *testing.F) {
	for _, s := range []string{"", "a", "_a.b-c", ".a", "-a", "a b", "é", "a\n", strings.Repeat("a", 140), strings.Repeat("a", 141)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isName(s) != nameForm.MatchString(s) {
			t.Errorf("%q: %v", s, isName(s))
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"echo", "echo:1", "echo:$LATEST", "123456789012:function:echo", "arn:aws:lambda:us-east-1:1:function:echo:live", "arn:", "::::", "a:b:c", "é", "function:x", strings.Repeat("a", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseRef(s)
		if err != nil {
			return
		}
		if !nameForm.MatchString(ref.Name) || ref.Qualifier != "" && !spec.IsQualifier(ref.Qualifier) {
			t.Fatalf("%q gave %+v", s, ref)
		}
		again := ref.Name
		if ref.Qualifier != "" {
			again += ":" + ref.Qualifier
		}
		if r, err := ParseRef(again); err != nil || r != ref {
			t.Fatalf("%q: %+v, then %+v %v", s, ref, r, err)
		}
	})
}

func FuzzSigV4(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64), "20260101T000000Z", "a=1&b=%zz")
	f.Add("AWS4-HMAC-SHA256 ", "", "")
	f.Add("Bearer x", "x", "&&=&")
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		a := New(Options{Keys: map[string]string{"AKID": "secret"}})
		r := &http.Request{Method: "GET", URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{}, Body: http.NoBody}
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		if _, err := a.Signed(r); err == nil {
			t.Fatalf("%q was accepted", authorization)
		}
	})
}
