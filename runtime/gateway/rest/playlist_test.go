package rest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

// What there is of a clip has a tag of its bytes: who has them already is told so, and who has a part gets the rest of the same bytes or
// all of others. While the job runs caches ask each time, then never again; lists change, and are always asked for.
func TestChunksHaveTags(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	j := r.generate(`{"prompt":"p","stream":true}`)
	base := r.url + "/v1/jobs/" + j.ID
	go func() { f.begin(); f.chunk("first") }()
	r.awaitChunks(j.ID, 1)
	tags := map[string]string{}
	look := func(name, want, cache string) {
		t.Helper()
		resp, b := r.do("GET", base+name, "")
		tag := resp.Header.Get("ETag")
		if resp.StatusCode != 200 || want != "" && string(b) != want || resp.Header.Get("Cache-Control") != cache || !strings.HasPrefix(tag, `"`) || len(tag) < 20 {
			t.Errorf("%s: %s %v %q", name, resp.Status, resp.Header, b)
		}
		if again, b := r.do("GET", base+name, "", "If-None-Match", `"other", `+tag); again.StatusCode != 304 || len(b) > 0 || again.Header.Get("ETag") != tag {
			t.Errorf("%s again: %s %q", name, again.Status, b)
		}
		if other, _ := r.do("GET", base+name, "", "If-None-Match", `"other"`); other.StatusCode != 200 {
			t.Errorf("%s with another's tag: %s", name, other.Status)
		}
		if head, b := r.do("HEAD", base+name, ""); head.StatusCode != 200 || head.Header.Get("ETag") != tag || len(b) > 0 {
			t.Errorf("HEAD %s: %s %v", name, head.Status, head.Header)
		}
		if part, got := r.do("GET", base+name, "", "Range", "bytes=1-2", "If-Range", tag); part.StatusCode != 206 || string(got) != string(b[1:3]) {
			t.Errorf("the rest of %s: %s %q", name, part.Status, got)
		}
		if all, got := r.do("GET", base+name, "", "Range", "bytes=1-2", "If-Range", `"other"`); all.StatusCode != 200 || string(got) != string(b) {
			t.Errorf("the rest of another %s: %s %q", name, all.Status, got)
		}
		if old, same := tags[name]; same && (old == tag) != (name != "/stream.m3u8") {
			t.Errorf("the tag of %s was %s and is %s", name, old, tag)
		}
		tags[name] = tag
	}
	const asks, keeps = "private, no-cache", "private, max-age=31536000, immutable"
	look("/chunks/init.mp4", "HEAD", asks)
	look("/chunks/0.m4s", "first", asks)
	look("/stream.m3u8", "", asks)
	go func() { f.chunk("other"); f.end() }()
	if done, err := r.jobs.Wait(t.Context(), j.ID); err != nil || done.State != jobs.Completed {
		t.Fatalf("%+v, %v", done, err)
	}
	look("/chunks/init.mp4", "HEAD", keeps)
	look("/chunks/0.m4s", "first", keeps)
	look("/chunks/1.m4s", "other", keeps)
	look("/stream.m3u8", "", asks)
	look("/download", "whole clip", keeps)
	look("/download?piece=stream", "HEADfirstother", keeps)
	if tags["/chunks/0.m4s"] == tags["/chunks/1.m4s"] {
		t.Error("chunks of the same length have one tag")
	}
}

// A player that comes before the first chunk is told to ask again, which is nothing that the log need tell of.
func TestAPlayerThatComesTooEarly(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	j := r.generate(`{"prompt":"p","stream":true}`)
	var log bytes.Buffer
	api := New(Options{Jobs: r.jobs, Models: jobstest.Models{}, Log: slog.New(slog.NewTextHandler(&log, nil)), Hold: time.Millisecond})
	for _, name := range []string{"/stream.m3u8", "/stream.mp4"} {
		resp := httptest.NewRecorder()
		gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler().ServeHTTP(resp, httptest.NewRequest("GET", "http://localhost/v1/jobs/"+j.ID+name, http.NoBody))
		p := parse[problem](t, resp.Body.Bytes())
		if resp.Code != 503 || resp.Header().Get("Retry-After") != "2" || p.Type != "/problems/not-yet" {
			t.Errorf("%s: %d %v %+v", name, resp.Code, resp.Header(), p)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log has %s", log.String())
	}
	go func() { f.begin(); f.chunk("first"); f.end() }()
	if _, b := r.do("GET", r.url+"/v1/jobs/"+j.ID+"/stream.m3u8", ""); !strings.Contains(string(b), "0.m4s") { // who is held gets it
		t.Errorf("then the list is %s", b)
	}
}

// A job that ends while a player is held has nothing to show any more: the player is told so, not to ask again.
func TestAJobThatEndsBeforeItHasChunks(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	defer f.in.Close()
	r.generate(`{"prompt":"it has the function"}`)
	for _, name := range []string{"/stream.m3u8", "/stream.mp4", "/stream.mp4?from=3"} {
		j := r.generate(`{"prompt":"p","stream":true}`)
		gone := time.AfterFunc(100*time.Millisecond, func() {
			if _, err := r.jobs.Cancel(context.Background(), j.ID); err != nil {
				t.Error(err)
			}
		})
		if p := r.problem(404, "GET", "/v1/jobs/"+j.ID+name, ""); !strings.Contains(p.Detail, "is cancelled") {
			t.Errorf("%s: %+v", name, p)
		}
		gone.Stop()
	}
}
