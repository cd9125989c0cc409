package hub

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

const portal = "<!DOCTYPE html>\n<html><title>Welcome to the hotel</title></html>"

// TestACaptivePortalPoisonsNothing: whatever answers with a web page, what had come before stays.
func TestACaptivePortalPoisonsNothing(t *testing.T) {
	f, dir, times := newFake(t), t.TempDir(), 1
	f.breakOff(100000, &times)
	inner := f.serve
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !f.lfs[name] || times > 0 {
			return inner(w, r, name)
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, portal+strings.Repeat(" ", 400000)) // longer than the file
		return true
	}
	_, err := f.pull(context.Background(), dir, Options{})
	if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "web page (HTML)") || !strings.Contains(err.Error(), "captive portal") {
		t.Errorf("got %v", err)
	}
	f.serve, f.ranges = nil, nil
	if _, err := f.pull(context.Background(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
	if len(f.ranges) != 1 || f.ranges[0] != "bytes=100000-" {
		t.Errorf("resumed with %v", f.ranges)
	}
}

// TestWebPagesInsteadOfTheAPI: for the revision, the listing and with a status that says so.
func TestWebPagesInsteadOfTheAPI(t *testing.T) {
	for _, at := range []string{"/revision/", "/tree/", "status"} {
		f := newFake(t)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case at == "status":
				w.WriteHeader(http.StatusNetworkAuthenticationRequired)
				fmt.Fprint(w, portal)
			case strings.Contains(r.URL.Path, at):
				fmt.Fprint(w, portal)
			default:
				f.api(w, r)
			}
		}))
		_, err := (&Client{Endpoint: s.URL}).Pull(context.Background(), "o/m", t.TempDir(), Options{})
		s.Close()
		if err == nil || !strings.Contains(err.Error(), "web page (HTML)") || strings.Contains(err.Error(), "hotel") {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestAnswersOfAnotherLengthAreRefused(t *testing.T) {
	f := newFake(t)
	f.serve = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if f.lfs[name] {
			fmt.Fprint(w, "upstream error")
		}
		return f.lfs[name]
	}
	if _, err := f.pull(context.Background(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "the answer has 14 bytes, the file 300000") {
		t.Errorf("got %v", err)
	}
}

func TestCompressedAnswersAreUndone(t *testing.T) {
	f, dir, times := newFake(t), t.TempDir(), 1
	f.breakOff(100000, &times) // then a part is there already
	inner := f.serve
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if times > 0 && f.lfs[name] {
			return inner(w, r, name)
		}
		w.Header().Set("Content-Encoding", "gzip")
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(f.files[name])
		z.Close()
		if r.Header.Get("Range") != "" {
			w.Header().Set("Content-Range", "bytes 100000-100009/300000")
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(b.Bytes())
		return true
	}
	if _, err := f.pull(context.Background(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
	f.serve = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		w.Header().Set("Content-Encoding", "br")
		return true
	}
	if _, err := f.pull(context.Background(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "compressed (br)") {
		t.Errorf("got %v", err)
	}
}

// TestADamagedPartIsFetchedOnceMore: the beginning of an earlier run was wrong.
func TestADamagedPartIsFetchedOnceMore(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	part := filepath.Join(dir, "vae", "big.safetensors."+f.digest("vae/big.safetensors")[:12]+".partial")
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, []byte(portal), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := f.pull(context.Background(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
}

func TestLongNames(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	for _, n := range []int{226, 227, 240, 255} {
		f.files["vae/"+strings.Repeat("n", n-4)+".bin"] = []byte("x")
	}
	f.files["vae/"+strings.Repeat("é", 127)] = []byte("y")
	if _, err := f.pull(context.Background(), dir, Options{Include: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
}

// TestNextPages: the forms that Link takes, and that all of them stay with the endpoint.
func TestNextPages(t *testing.T) {
	for link, want := range map[string]string{
		`<https://huggingface.co/api/models/o/m/tree/c?cursor=a%3D&limit=2>; rel="next"`: "http://mirror:8/hf/api/models/o/m/tree/c?cursor=a%3D&limit=2",
		`</api/models/o/m/tree/c?cursor=1>; rel=next`:                                    "http://mirror:8/hf/api/models/o/m/tree/c?cursor=1",
		`<?cursor=2>; title="a, b; rel=x"; rel="prev NEXT"`:                              "http://mirror:8/hf/api/models/o/m/tree/c?cursor=2",
		`<c?cursor=3>;rel='x', <c?cursor=4> ; REL = "next"`:                              "http://mirror:8/hf/api/models/o/m/tree/c?cursor=4",
		`<http://mirror:8/hf/api/models/x?cursor=5>; rel="next"`:                         "http://mirror:8/hf/api/models/x?cursor=5",
		`<http://evil/x>; rel="next"`:                                                    "http://mirror:8/hf/x",
		`<c?cursor=6>; rel="prev"`:                                                       "",
		`<%zz>; rel="next"`:                                                              "",
		``:                                                                               "",
	} {
		at, _ := url.Parse("http://mirror:8/hf/api/models/o/m/tree/c?recursive=1")
		res := &http.Response{Header: http.Header{"Link": {link}}, Request: &http.Request{URL: at}}
		if got := (&Client{Endpoint: "http://mirror:8/hf/"}).next(res); got != want {
			t.Errorf("%s leads to %q", link, got)
		}
	}
}

// FuzzNext: no link leads away from the endpoint, which may get the token.
func FuzzNext(f *testing.F) {
	f.Add(`<https://a/api/b?c>; rel="next"`)
	f.Add(`<//a@b/api/../..>; rel=next`)
	f.Fuzz(func(t *testing.T, link string) {
		at, _ := url.Parse("http://mirror/api/models/o/m/tree/c")
		next := (&Client{Endpoint: "http://mirror"}).next(&http.Response{Header: http.Header{"Link": {link}}, Request: &http.Request{URL: at}})
		if next == "" {
			return
		}
		if u, err := url.Parse(next); err == nil && u.Host != "mirror" {
			t.Fatalf("%s leads to %s", link, next)
		}
	})
}

// FuzzListing reads what an endpoint may answer: files lie within their folder and have digests, or there is an error.
func FuzzListing(f *testing.F) {
	f.Add(`[{"type":"file","path":"a/b","size":1,"oid":"`+strings.Repeat("a", 40)+`"}]`, "application/json")
	f.Add(portal, "text/html")
	f.Fuzz(func(t *testing.T, body, kind string) {
		c := &Client{Endpoint: "http://e", HTTP: &http.Client{Transport: answering(body, kind), Timeout: time.Second}}
		all, err := c.List(context.Background(), "o/m", commit)
		for _, e := range all {
			if err != nil || !filepath.IsLocal(e.Path) || len(e.SHA256) != 64 && len(e.Git) != 40 {
				t.Fatalf("%+v, %v", e, err)
			}
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(body, kind string) transport {
	return func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		w.Header()["Content-Type"] = []string{kind}
		w.WriteString(body)
		res := w.Result()
		res.Request = r
		return res, nil
	}
}
