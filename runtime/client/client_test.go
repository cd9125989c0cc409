package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// serve gives a client of a server with one handler.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := New(Options{Server: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEveryErrorShape(t *testing.T) {
	for body, want := range map[string]string{
		`{"Type":"User","Message":"Function not found: x"}`:             "Function not found: x",
		`{"message":"no such job"}`:                                     "no such job",
		`{"title":"Not Found","status":404,"detail":"there is no job"}`: "there is no job",
		`{"error":"queue full"}`:                                        "queue full",
		`{"error":{"type":"busy","message":"later"}}`:                   "later",
		`plain`: "404 Not Found plain",
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, body) })
		err := c.Call(t.Context(), http.MethodGet, "/x", nil, nil)
		var e *Error
		if !errors.As(err, &e) || e.Message != want || e.Status != 404 || !IsNotFound(err) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

// TestAnErrorSteersNoTerminal: who answers may be anybody.
func TestAnErrorSteersNoTerminal(t *testing.T) {
	sent := "a\x1b]0;b\x07c\u009b2Jd\u202ee\r\n\tf ü"
	err := &Error{Message: sent}
	if got, want := err.Error(), "a\ufffd]0;b\ufffdc\ufffd2Jd\ufffde\ufffd\n\tf ü"; got != want || err.Message != sent {
		t.Errorf("%q of %q, want %q", got, err.Message, want)
	}
}

func TestWithoutAServerItSaysWhatToDo(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, _ := New(Options{Server: srv.URL})
	err := c.Call(t.Context(), http.MethodGet, "/x", nil, nil)
	if !errors.Is(err, ErrNoServer) || !strings.Contains(err.Error(), "videosdgx serve") {
		t.Fatalf("got %v", err)
	}
}

func TestACertificateThatNobodyVouchesForSaysWhatToDo(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	c, _ := New(Options{Server: srv.URL})
	err := c.Call(t.Context(), http.MethodGet, "/x", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") || !strings.Contains(err.Error(), srv.URL) {
		t.Fatalf("got %v", err)
	}
}

func TestAddresses(t *testing.T) {
	t.Setenv("VIDEOSDGX_SERVER", "https://env:1/")
	for in, want := range map[string]string{"": "https://env:1", "box:9000": "http://box:9000", "http://a/p/": "http://a/p", "unix:///run/v.sock": "unix:///run/v.sock", "unix:/run/v.sock": "unix:/run/v.sock", "unix:v.sock": "unix:v.sock"} {
		if c, err := New(Options{Server: in}); err != nil || c.URL() != want {
			t.Errorf("%q: %v, %v", in, c, err)
		}
	}
	for _, bad := range []string{"ftp://x", "http://", "unix://relative", "unix:", "unix:/run/", "http://a b"} {
		if _, err := New(Options{Server: bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestSocketAndKey: the same over a unix socket, with a key that every request carries.
func TestSocketAndKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Models":[{"model":%q}]}`, r.Header.Get("Authorization"))
	}))
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	defer srv.Close()
	t.Chdir(filepath.Dir(path))
	for _, server := range []string{"unix://" + path, "unix:" + path, "unix:v.sock"} {
		c, err := New(Options{Server: server, Key: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		if all, err := c.Models(t.Context()); err != nil || len(all) != 1 || all[0].Model != "Bearer secret" {
			t.Errorf("%s: %v, %v", server, all, err)
		}
		c.Close()
	}
}

// TestNamesStayNames: what a name has in it never makes another path.
func TestNamesStayNames(t *testing.T) {
	var got atomic.Value
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { got.Store(r.RequestURI); io.WriteString(w, "{}") })
	for name, want := range map[string]string{
		"a/b": "/api/v1/functions/a%2Fb", "..": "/api/v1/functions/%2E%2E", "x?y=1#z": "/api/v1/functions/x%3Fy=1%23z",
	} {
		if _, err := c.Function(t.Context(), name); err != nil || got.Load() != want {
			t.Errorf("%q: %v, %v", name, got.Load(), err)
		}
	}
}

func TestInvoke(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Amzn-Requestid", r.Header.Get("X-Amz-Invocation-Type")+r.URL.RawQuery)
		h.Set("X-Amz-Log-Result", "aGVsbG8=")
		h.Set("X-Amz-Function-Error", "Unhandled")
		h.Set("Server-Timing", "queue;dur=0.1, run;dur=3")
		io.Copy(w, r.Body)
	})
	r, err := c.Invoke(t.Context(), Invocation{Function: "f", Qualifier: "live", Kind: EventOnly, Payload: []byte("[1]"), Tail: true})
	if err != nil || r.RequestID != "EventQualifier=live" || string(r.Payload) != "[1]" || r.Log != "hello" || r.FunctionError != "Unhandled" || r.Phases["run"] != "3" {
		t.Errorf("%+v, %v", r, err)
	}
	s, err := c.Stream(t.Context(), "f", []byte("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, _ := io.ReadAll(s); string(b) != "abc" {
		t.Errorf("%q", b)
	}
}

func TestSetAliasMakesWhatIsNotThere(t *testing.T) {
	var did []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if did = append(did, r.Method); r.Method == http.MethodPut {
			w.WriteHeader(404)
		}
		io.WriteString(w, "{}")
	})
	if err := c.SetAlias(t.Context(), "f", "live", "3"); err != nil || strings.Join(did, " ") != "PUT POST" {
		t.Errorf("%v, %v", did, err)
	}
}

// TestWatchTakesUpAgain: the stream breaks, the server is away for a moment, and no event comes twice.
func TestWatchTakesUpAgain(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		switch calls.Add(1) {
		case 1:
			io.WriteString(w, "id: 1\nevent: running\ndata: {}\n\n")
		case 2:
			w.WriteHeader(503)
		default:
			if r.Header.Get("Last-Event-ID") != "1" {
				t.Errorf("taken up after %q", r.Header.Get("Last-Event-ID"))
			}
			io.WriteString(w, "id: 2\nevent: completed\ndata: {\"id\":\"j\",\"status\":\"completed\"}\n\n")
		}
	})
	var seen []string
	j, err := c.Watch(t.Context(), "j", func(e Event) { seen = append(seen, e.Type) })
	if err != nil || j.ID != "j" || strings.Join(seen, " ") != "running reconnecting completed" {
		t.Errorf("%+v, %v, %v", j, seen, err)
	}
}

func TestWatchOfAJobWhoseLastEventWasSeen(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			w.WriteHeader(204)
			return
		}
		io.WriteString(w, `{"id":"j","status":"dead","error":{"kind":"x","detail":"it broke","log":"line\n"}}`)
	})
	j, err := c.Watch(t.Context(), "j", func(Event) {})
	if err != nil || j.Failure() == nil || !strings.Contains(j.Failure().Error(), "it broke\nthe function's last lines:\nline") {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestWatchEndsWithItsContextAndWithARefusal(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Watch(ctx, "j", func(Event) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	if _, err := c.Watch(t.Context(), "j", func(Event) {}); !IsNotFound(err) {
		t.Error(err)
	}
}

func TestSubmitSendsWhatIsGiven(t *testing.T) {
	var body, key string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, key = string(b), r.Header.Get("Idempotency-Key")
		io.WriteString(w, `{"id":"j","request":{"prompt":"p","seed":12345678901234567}}`)
	})
	j, err := c.Submit(t.Context(), Submission{Model: "m", Request: map[string]any{"prompt": "p", "seed": 0}, Priority: "low", Deadline: 90e9, Key: "k"})
	if seed, ok := j.Seed(); err != nil || !ok || seed != 12345678901234567 || j.Prompt() != "p" {
		t.Errorf("%+v, %v", j, err)
	}
	if want := `{"deadline_seconds":90,"priority":"low","prompt":"p","seed":0}`; body != want || key != "k" {
		t.Errorf("sent %s, key %q", body, key)
	}
}

func TestSubmitWantsAJob(t *testing.T) {
	for _, body := range []string{"null", "{}", `{"id":"","status":"queued"}`} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		if j, err := c.Submit(t.Context(), Submission{Model: "wan21"}); err == nil || !strings.Contains(err.Error(), "names no job") {
			t.Errorf("%s: %+v %v", body, j, err)
		}
	}
}

func TestDownloadChecksTheDigest(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../../etc/clip.mp4"`)
		io.WriteString(w, "the clip")
	})
	for sum, ok := range map[string]bool{"19ae1c04f7ec78e7ad0dc9bb9a4c0e22aee7c0d2ffb4ae3ad5f1f7c5ed5b1c44": false, "": true} {
		k, err := c.Download(t.Context(), Job{ID: "j", Result: &JobResult{SHA256: sum}})
		if err != nil || k.Name != "clip.mp4" {
			t.Fatalf("%+v, %v", k, err)
		}
		if b, err := io.ReadAll(k); (err == nil) != ok || string(b) != "the clip" {
			t.Errorf("%s: %q, %v", sum, b, err)
		}
		k.Close()
	}
}

func TestReadEvents(t *testing.T) {
	var got []Event
	in := ": hi\n\nretry: 5\n\nid: 7\nevent: progress\ndata: {\"a\":\ndata: 1}\n\nevent: x\ndata:y\n\n"
	if err := ReadEvents(strings.NewReader(in), func(e Event) { got = append(got, e) }); err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	if got[0].ID != "7" || string(got[0].Data) != "{\"a\":\n1}" || got[1].Type != "x" || string(got[1].Data) != "y" {
		t.Fatalf("%+v", got)
	}
}

// TestReadEventsKeepsNoEventThatNeverEnds, of however many lines.
func TestReadEventsKeepsNoEventThatNeverEnds(t *testing.T) {
	in := strings.NewReader(strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 40))
	if err := ReadEvents(in, func(Event) { t.Error("it has ended") }); !errors.Is(err, bufio.ErrTooLong) || mayPass(&brokenError{err}) || in.Len() < 20<<20 {
		t.Errorf("%v, %d bytes left", err, in.Len())
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("id: 1\ndata: x\n\n")
	f.Add("data\n\n:\n")
	f.Fuzz(func(t *testing.T, in string) {
		_ = ReadEvents(strings.NewReader(in), func(e Event) {
			if len(e.Data) == 0 {
				t.Fatal("an event without data")
			}
		})
	})
}

func TestUploadGivesWhatARequestSays(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"u","reference":"upload:u","size_bytes":%d,"content_type":%q}`, len(b), r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("X-Client-Id"))
	})
	u, err := c.Upload(t.Context(), strings.NewReader("a picture"), "image/png", "me")
	if err != nil || u.Reference != "upload:u" || u.Size != 9 || u.ContentType != "PUT /v1/uploads image/png me" {
		t.Errorf("%+v, %v", u, err)
	}
}
