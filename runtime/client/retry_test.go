package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchEndsWhereTimeMendsNothing: at once, after one request, and in the server's words where it has some.
func TestWatchEndsWhereTimeMendsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		kind, body string
		want       string
	}{
		"no such job":           {404, "application/problem+json", `{"detail":"there is no job j"}`, "there is no job j"},
		"no key":                {401, "application/problem+json", `{"detail":"send a key"}`, "send a key"},
		"gone":                  {410, "", "gone for good", "gone for good"},
		"not this server's":     {421, "application/problem+json", `{"detail":"another host"}`, "another host"},
		"what is not built":     {501, "", "no", "501"},
		"an hour from now":      {503, "application/problem+json", `{"detail":"come in an hour"}`, "come in an hour"},
		"a page":                {200, "text/html; charset=utf-8", "<html><h1>router</h1>", "is it a VideosDGX server?"},
		"a page that refuses":   {403, "text/html", "<html><h1>router</h1>", "403 Forbidden: the answer is a web page"},
		"JSON of another thing": {200, "application/json", "{}", "is it a VideosDGX server?"},
		"nothing":               {200, "", "", "is it a VideosDGX server?"},
	} {
		var asked atomic.Int32
		cl := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Content-Type", c.kind)
			if c.status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "3600")
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		told := 0
		_, err := cl.Watch(t.Context(), "j", func(Event) { told++ })
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "<h1>") || asked.Load() != 1 || told != 0 {
			t.Errorf("%s: %v after %d requests, %d events", name, err, asked.Load(), told)
		}
	}
}

// TestWatchEndsWhereNoHTTPIsSpoken, or TLS is not.
func TestWatchEndsWhereNoHTTPIsSpoken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			k, err := l.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			_, _ = k.Read(make([]byte, 1<<10))
			io.WriteString(k, "SSH-2.0-OpenSSH_9.9\r\n")
			k.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, server := range []string{"http://" + l.Addr().String(), tls.URL, strings.Replace(tls.URL, "https:", "http:", 1)} {
		c, err := New(Options{Server: server})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Watch(t.Context(), "j", func(e Event) { t.Errorf("%s: %s %s", server, e.Type, e.Data) }); err == nil {
			t.Error(server)
		}
		c.Close()
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// answers is a server for tests whose clock stands still while nobody waits.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (f answers) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Options{Server: "http://x", HTTP: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(status int, head http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: head, Body: io.NopCloser(strings.NewReader(body))}
}

var refused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

// TestWatchTriesForAboutAMinute: what may pass is waited for, longer each time, and not for ever.
func TestWatchTriesForAboutAMinute(t *testing.T) {
	stream := http.Header{"Content-Type": {"text/event-stream"}}
	for name, f := range map[string]answers{
		"busy":         func(*http.Request) (*http.Response, error) { return answer(503, nil, "{}"), nil },
		"too many":     func(*http.Request) (*http.Response, error) { return answer(429, nil, "{}"), nil },
		"away":         func(*http.Request) (*http.Response, error) { return nil, refused },
		"cut":          func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		"ends at once": func(*http.Request) (*http.Response, error) { return answer(200, stream, ": hi\n\n"), nil },
		"tells the same forever": func(*http.Request) (*http.Response, error) {
			return answer(200, stream, "id: 1\nevent: queued\ndata: {}\n\n"), nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked, begun := 0, time.Now()
			c := answers(func(r *http.Request) (*http.Response, error) { asked++; return f(r) }).client(t)
			_, err := c.Watch(t.Context(), "j", func(e Event) {
				if !bytes.HasPrefix(e.Data, []byte("{")) {
					t.Errorf("%s: %q", name, e.Data)
				}
			})
			if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), "the job may go on") || asked < 6 || asked > 20 || took < 30*time.Second || took > 61*time.Second {
				t.Errorf("%s: %v after %d requests in %v", name, err, asked, took)
			}
		})
	}
}

// TestWatchWaitsAsItIsAsked: Retry-After, in either of its forms.
func TestWatchWaitsAsItIsAsked(t *testing.T) {
	for _, form := range []string{"seconds", "date"} {
		synctest.Test(t, func(t *testing.T) {
			begun, asked := time.Now(), 0
			c := answers(func(*http.Request) (*http.Response, error) {
				if asked++; asked > 1 {
					return answer(200, http.Header{"Content-Type": {"text/event-stream"}}, "id: 1\nevent: completed\ndata: {\"id\":\"j\"}\n\n"), nil
				}
				after := "20"
				if form == "date" {
					after = time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
				}
				return answer(429, http.Header{"Retry-After": {after}}, "{}"), nil
			}).client(t)
			if j, err := c.Watch(t.Context(), "j", func(Event) {}); err != nil || !j.Ended() || asked != 2 || time.Since(begun) < 19*time.Second || time.Since(begun) > 21*time.Second {
				t.Errorf("%s: %+v %v after %v", form, j, err, time.Since(begun))
			}
		})
	}
}

// TestWatchDoesNotWaitForCenturies, which more than fill a duration, on whatever try they are asked for.
func TestWatchDoesNotWaitForCenturies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, asked := time.Now(), 0
		c := answers(func(*http.Request) (*http.Response, error) {
			if asked++; asked == 1 {
				return answer(503, nil, "{}"), nil
			}
			return answer(503, http.Header{"Retry-After": {"Fri, 31 Dec 9999 23:59:59 GMT"}}, "{}"), nil
		}).client(t)
		if _, err := c.Watch(t.Context(), "j", func(Event) {}); err == nil || asked != 2 || time.Since(begun) > time.Minute {
			t.Errorf("%v after %d requests in %v", err, asked, time.Since(begun))
		}
	})
}

// TestWatchOutlivesProxies that end what rests: a stream that was there for a while is no failure, however often.
func TestWatchOutlivesProxies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := answers(func(*http.Request) (*http.Response, error) {
			if asked++; asked == 100 {
				return answer(200, http.Header{"Content-Type": {"text/event-stream"}}, "event: completed\ndata: {\"id\":\"j\"}\n\n"), nil
			}
			a := answer(200, http.Header{"Content-Type": {"text/event-stream"}}, "")
			a.Body = io.NopCloser(resting{30 * time.Second})
			return a, nil
		}).client(t)
		if j, err := c.Watch(t.Context(), "j", func(Event) {}); err != nil || !j.Ended() {
			t.Errorf("%+v %v after %d", j, err, asked)
		}
	})
}

// resting is a body that says nothing for a while, and ends.
type resting struct{ d time.Duration }

func (r resting) Read([]byte) (int, error) { time.Sleep(r.d); return 0, io.EOF }

// TestAPageIsNoAnswer, also where nothing of the answer would be read.
func TestAPageIsNoAnswer(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html>")
	})
	_, followed := c.FollowSnapshot(t.Context(), "f", "", func(string) {})
	_, listed := c.Functions(t.Context())
	for what, err := range map[string]error{"stop": c.StopInstance(t.Context(), "i"), "list": listed, "follow": followed} {
		if err == nil || !strings.Contains(err.Error(), "is it a VideosDGX server?") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestFindJobEnds although a server has always one page more.
func TestFindJobEnds(t *testing.T) {
	for _, page := range []string{`{"jobs":[],"next":"a"}`, `{"jobs":[{"id":"0194"}],"next":"a"}`} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) })
		if id, err := c.FindJob(t.Context(), "ff"); err == nil || !strings.Contains(err.Error(), "again and again") {
			t.Errorf("%q %v", id, err)
		}
	}
}
