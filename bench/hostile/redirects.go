package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// allowed is the one private address that the server may call (its --outgoing): whoever listens there is trusted, but where
// it points to is not.
const allowed = "127.77.0.1"

// pointer answers /STATUS?to=ADDRESS with that status and Location, and notes what it is asked.
type pointer struct {
	addr string
	once sync.Once
	err  error

	mu    sync.Mutex
	asked []string // method and path
}

var pointing pointer

func (p *pointer) set() error {
	p.once.Do(func() {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", allowed+":0")
		if err != nil {
			p.err = err
			return
		}
		p.addr = l.Addr().String()
		go (&http.Server{ReadHeaderTimeout: time.Minute, Handler: p}).Serve(l) //nolint:errcheck // ends with the program
	})
	return errors.Join(p.err, caught.set())
}

func (p *pointer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.URL.Path)
	p.mu.Unlock()
	status := http.StatusOK
	fmt.Sscanf(strings.TrimPrefix(r.URL.Path, "/"), "%d", &status) //nolint:errcheck // 200 then
	if to := r.URL.Query().Get("to"); to != "" {
		w.Header().Set("Location", to)
		w.Header().Set("Refresh", "0; url="+to)
	}
	w.WriteHeader(status)
}

// times is how often a request was seen.
func (p *pointer) times(request string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.asked {
		if a == request {
			n++
		}
	}
	return n
}

func init() {
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for name, to := range map[string]string{"a trap": "http://127.0.0.1:PORT/", "metadata": "http://169.254.169.254/latest/", "a file": "file:///etc/passwd", "itself": "/taken"} {
			add("redirects", fmt.Sprintf("a destination that points with %d to %s", status, name), func(ctx context.Context, s *scene) error {
				return s.pointedDestination(ctx, status, to)
			})
		}
		add("redirects", fmt.Sprintf("a webhook that points with %d to a trap", status), func(ctx context.Context, s *scene) error { return s.pointedHook(ctx, status) })
	}
}

// pointed is an address that points elsewhere.
func pointed(status int, to string) (string, error) {
	if err := pointing.set(); err != nil {
		return "", err
	}
	return fmt.Sprintf("http://%s/%d?to=%s", pointing.addr, status, strings.ReplaceAll(to, "PORT", caught.port)), nil
}

// pointedDestination: the record is posted, the answer is no delivery, and nobody goes where it points.
func (s *scene) pointedDestination(ctx context.Context, status int, to string) error {
	if s.driver != "process" {
		return elsewhere("the giver runs as a process")
	}
	address, err := pointed(status, to)
	if err != nil {
		return err
	}
	post := fmt.Sprintf("POST /%d", status)
	before := pointing.times(post)
	if err := s.tells(ctx, address); err != nil {
		return err
	}
	return pointing.judge(post, before)
}

// tells has a function's event end, whose destinations are the address, and waits for its record.
func (s *scene) tells(ctx context.Context, address string) error {
	if err := s.put(ctx, map[string]any{"name": "teller", "command": []string{filepath.Join(s.dir, "giver")}, "snapshot": "off",
		"async": map[string]any{"onSuccess": address, "onFailure": address, "retries": 0}}); err != nil {
		return err
	}
	id, err := s.event(ctx, "teller")
	if err != nil {
		return err
	}
	return s.keeps(ctx, id)
}

// judge wants the request to have come, and nothing to have followed it.
func (p *pointer) judge(post string, before int) error {
	if p.times(post) == before {
		return errors.New("the allowed address was not called: nothing was tried")
	}
	if n := p.times("GET /taken") + p.times("POST /taken"); n > 0 {
		return fmt.Errorf("a redirect was followed %d times", n)
	}
	return nil
}

// pointedHook is the same for a job's webhook.
func (s *scene) pointedHook(ctx context.Context, status int) error {
	address, err := pointed(status, "http://127.0.0.1:PORT/")
	if err != nil {
		return err
	}
	code, job, err := s.generate(ctx, address)
	if err != nil || code != http.StatusAccepted {
		return errors.Join(err, fmt.Errorf("the job was answered with %d", code))
	}
	post := fmt.Sprintf("POST /%d", status)
	for end := time.Now().Add(30 * time.Second); pointing.times(post) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("the allowed address was not called: nothing was tried")
		}
	}
	time.Sleep(200 * time.Millisecond) // what follows a redirect does so at once
	var now struct {
		Webhook struct{ Delivered string }
	}
	if err := s.Get(ctx, fmt.Sprint("/v1/jobs/", job["id"]), &now); err != nil {
		return err
	}
	if caught.hits.Load() > 0 || now.Webhook.Delivered != "" {
		return fmt.Errorf("followed %d times, delivered %q", caught.hits.Load(), now.Webhook.Delivered)
	}
	return nil
}
