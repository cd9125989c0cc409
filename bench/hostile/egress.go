package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// trap listens on loopback and notes every request: none of them may come.
type trap struct {
	port string
	hits atomic.Int64
	once sync.Once
	err  error
}

var caught trap

// set opens the trap; it stays open until the program ends.
func (t *trap) set() error {
	t.once.Do(func() {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.err = err
			return
		}
		_, t.port, _ = net.SplitHostPort(l.Addr().String())
		srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.hits.Add(1) })}
		go srv.Serve(l)                                                                                         //nolint:errcheck // ends with the program
		if six, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "[::1]:"+t.port); err == nil { // where there is IPv6
			go srv.Serve(six) //nolint:errcheck // ends with the program
		}
	})
	return t.err
}

// inside are addresses that a server must not call for anybody: this machine, its network, and what clouds hand out
// credentials from, plain and in everything that wraps an IPv4 address.
var inside = map[string]string{
	"loopback": "127.0.0.1:PORT", "loopback's network": "127.9.9.9:PORT", "localhost": "localhost:PORT", "a name below localhost": "x.localhost:PORT",
	"loopback in IPv6": "[::1]:PORT", "mapped loopback": "[::ffff:127.0.0.1]:PORT", "compatible loopback": "[::127.0.0.1]:PORT", "NAT64 loopback": "[64:ff9b::7f00:1]:PORT",
	"local NAT64 loopback": "[64:ff9b:1::7f00:1]:PORT", "6to4 loopback": "[2002:7f00:1::]:PORT", "unspecified": "0.0.0.0:PORT", "unspecified in IPv6": "[::]:PORT",
	"a private network": "10.0.0.1", "another": "192.168.0.1", "a third": "172.16.0.1", "carrier's NAT": "100.64.0.1", "unique local": "[fd00::1]", "site local": "[fec0::1]",
	"metadata": "169.254.169.254", "metadata, mapped": "[::ffff:169.254.169.254]", "metadata, compatible": "[::a9fe:a9fe]", "metadata, NAT64": "[64:ff9b::a9fe:a9fe]",
	"metadata, 6to4": "[2002:a9fe:a9fe::]", "metadata, Teredo": "[2001:0:a9fe:a9fe::1]", "metadata, translated": "[::ffff:0:a9fe:a9fe]", "metadata of AWS in IPv6": "[fd00:ec2::254]",
	"metadata of Google in IPv6": "[fd20:ce::254]", "metadata of Alibaba": "100.100.100.200", "metadata of Azure": "168.63.129.16", "metadata, ISATAP": "[2606:2800::5efe:169.254.169.254]",
	"link-local": "[fe80::1%25lo]", "multicast": "[ff02::1]", "broadcast": "255.255.255.255",
}

const secret = "s3cret-of-the-caller"

func init() {
	for name, host := range inside {
		add("egress", "a destination at "+name, func(ctx context.Context, s *scene) error { return s.destination(ctx, host) })
		add("egress", "a webhook at "+name, func(ctx context.Context, s *scene) error { return s.webhook(ctx, host) })
	}
	add("egress", "the secrets of a webhook's address", func(ctx context.Context, s *scene) error { return s.hookSecrets(ctx) })
}

// aimed puts the trap's port into an address.
func aimed(host string) (string, error) {
	if err := caught.set(); err != nil {
		return "", err
	}
	return "http://" + strings.ReplaceAll(host, "PORT", caught.port) + "/?" + secret, nil
}

// destination has a function's record sent to an address. It must not arrive there, and must not be lost.
func (s *scene) destination(ctx context.Context, host string) error {
	if s.driver != "process" {
		return elsewhere("the giver runs as a process")
	}
	address, err := aimed(host)
	if err != nil {
		return err
	}
	set := map[string]any{"name": "teller", "command": []string{filepath.Join(s.dir, "giver")}, "snapshot": "off", "async": map[string]any{"onSuccess": address, "onFailure": address, "retries": 0}}
	if err := s.put(ctx, set); err != nil {
		return err
	}
	id, err := s.event(ctx, "teller")
	if err != nil {
		return err
	}
	return s.keeps(ctx, id)
}

// event invokes a function without waiting for it.
func (s *scene) event(ctx context.Context, function string) (id string, err error) {
	c, err := s.Client()
	if err != nil {
		return "", err
	}
	defer c.Close()
	res, err := c.Invoke(ctx, client.Invocation{Function: function, Kind: client.EventOnly, Payload: []byte("{}")})
	if err == nil && res.Status != http.StatusAccepted {
		err = fmt.Errorf("the event was answered with %d", res.Status)
	}
	return res.RequestID, err
}

// keeps waits for a record that nobody took to lie where a person finds it.
func (s *scene) keeps(ctx context.Context, id string) error {
	kept := filepath.Join(s.Data, "events", "undelivered", id+".json")
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if n := caught.hits.Load(); n > 0 {
			return fmt.Errorf("%d requests reached this machine", n)
		}
		if _, err := os.Stat(kept); err == nil {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("the record is nowhere: neither refused nor kept")
		}
	}
}

// model is a function with a model, so that there are jobs.
func (s *scene) model(ctx context.Context) error {
	return s.put(ctx, map[string]any{"name": "artist", "command": []string{filepath.Join(s.dir, "giver")}, "snapshot": "off", "model": map[string]any{"name": "artist", "bundle": s.dir}})
}

func (s *scene) generate(ctx context.Context, hook string) (status int, job map[string]any, err error) {
	if s.driver != "process" {
		return 0, nil, elsewhere("the giver runs as a process")
	}
	if err := s.model(ctx); err != nil {
		return 0, nil, err
	}
	body, err := json.Marshal(map[string]any{"prompt": "x", "webhook": hook, "max_attempts": 1})
	if err != nil {
		return 0, nil, err
	}
	resp, err := s.send(ctx, page{method: "POST", path: "/v1/models/artist/generate", header: []string{"Content-Type", "application/json"}, body: string(body)})
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, job, json.NewDecoder(resp.Body).Decode(&job)
}

// webhook gives a job an address to call. It is refused, or its call fails without a word of the address's secrets.
func (s *scene) webhook(ctx context.Context, host string) error {
	address, err := aimed(host)
	if err != nil {
		return err
	}
	status, job, err := s.generate(ctx, address)
	if err != nil || status == http.StatusUnprocessableEntity {
		return err
	}
	return s.hookFails(ctx, job)
}

// hookFails waits for a webhook's call to fail.
func (s *scene) hookFails(ctx context.Context, job map[string]any) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var now struct {
			Webhook struct{ Error, Delivered string }
		}
		if err := s.Get(ctx, fmt.Sprint("/v1/jobs/", job["id"]), &now); err != nil {
			return err
		}
		switch {
		case caught.hits.Load() > 0 || now.Webhook.Delivered != "":
			return fmt.Errorf("the webhook was called")
		case strings.Contains(now.Webhook.Error, "may not be called"):
			return nil
		case now.Webhook.Error != "":
			return fmt.Errorf("it was tried: %s", now.Webhook.Error)
		case time.Now().After(end):
			return fmt.Errorf("neither refused nor called")
		}
	}
}

// hookSecrets looks for what an address holds in everything that tells of its job.
func (s *scene) hookSecrets(ctx context.Context) error {
	_, job, err := s.generate(ctx, "http://user:"+secret+"@hooks.invalid/path?key="+secret+"#"+secret)
	if err != nil {
		return err
	}
	id := fmt.Sprint(job["id"])
	told, err := json.Marshal(job)
	if err != nil {
		return err
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		var one map[string]any
		if err := s.Get(ctx, "/v1/jobs/"+id, &one); err != nil {
			return err
		}
		b, err := json.Marshal(one)
		if err != nil {
			return err
		}
		told = append(told, b...)
		if hook, _ := one["webhook"].(map[string]any); hook["error"] != nil || time.Now().After(end) {
			break
		}
	}
	for _, path := range []string{"/v1/jobs", "/v1/models/artist/jobs", "/v1/jobs/" + id + "/events", "/metrics"} {
		resp, err := s.send(ctx, page{method: "GET", path: path})
		if err != nil {
			return err
		}
		b := make([]byte, 1<<20)
		n, _ := resp.Body.Read(b)
		resp.Body.Close()
		told = append(told, b[:n]...)
	}
	if strings.Contains(string(told), secret) {
		return fmt.Errorf("it comes back from the API")
	}
	return nil
}
