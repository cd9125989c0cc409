package harness

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/videosdgx/videosdgx/runtime/sockio"
)

// Caller invokes one function over kept-alive connections. It writes HTTP/1.1 by itself: net/http's client hands every
// request through three goroutines, which on two cores costs as much as what is measured; and its sockets are sockio's,
// since net's wake the monitor thread of this program with every call, on a core that the answer needs.
type Caller struct {
	Bearer string  // key or token that every call carries; "": none
	Timing *Timing // takes every answer's Server-Timing when set; then one call at a time

	url  *url.URL
	idle chan *conn // connections not in use
}

type conn struct {
	net.Conn
	br     *bufio.Reader
	timing string // of the last answer
	used   time.Time
}

// stale is how long a connection may lie idle and be used again; a server closes it after two minutes, and under a suite
// that long may pass between two turns.
const stale = 30 * time.Second

// InvokeAPI calls through Lambda's Invoke; at most workers connections are kept.
func (s *Server) InvokeAPI(function string, workers int) *Caller {
	return newCaller(s.URL+"/2015-03-31/functions/"+function+"/invocations", workers)
}

// FunctionURL calls through the function's URL.
func (s *Server) FunctionURL(function string, workers int) *Caller {
	return newCaller(s.URL+"/fn/"+function+"/", workers)
}

func newCaller(addr string, workers int) *Caller {
	u, err := url.Parse(addr)
	if err != nil {
		panic(err) // Start and the flags have checked it
	}
	return &Caller{url: u, idle: make(chan *conn, workers)}
}

// Close closes the connections.
func (c *Caller) Close() {
	for {
		select {
		case k := <-c.idle:
			k.Close()
		default:
			return
		}
	}
}

// Call sends one event and reads the answer to its end. It gives the time to the answer's first byte.
func (c *Caller) Call(ctx context.Context, event []byte) (first time.Duration, err error) {
	start := time.Now()
	k, err := c.take(ctx)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { k.SetDeadline(time.Unix(1, 0)) })
	first, keep, err := k.exchange(c.request(event), start)
	if c.Timing != nil && err == nil {
		c.Timing.Add(k.timing)
	}
	if !stop() || !keep || err != nil {
		k.Close()
		return first, err
	}
	k.used = time.Now()
	select {
	case c.idle <- k:
	default:
		k.Close()
	}
	return first, nil
}

func (c *Caller) take(ctx context.Context) (*conn, error) {
	if k := c.fresh(); k != nil {
		return k, nil
	}
	n, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", c.url.Host)
	if err != nil {
		return nil, err
	}
	n = sockio.Conn(n)
	return &conn{Conn: n, br: bufio.NewReaderSize(n, 8<<10)}, nil
}

// fresh gives a connection that was used a moment ago, and closes the older ones that it meets; nil when there is none.
func (c *Caller) fresh() *conn {
	for {
		select {
		case k := <-c.idle:
			if time.Since(k.used) < stale {
				return k
			}
			k.Close()
		default:
			return nil
		}
	}
}

func (c *Caller) request(event []byte) []byte {
	b := append(make([]byte, 0, 256+len(c.Bearer)+len(event)), "POST "+c.url.RequestURI()+" HTTP/1.1\r\nHost: "+c.url.Host+"\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(event)), 10)
	if c.Bearer != "" {
		b = append(append(b, "\r\nAuthorization: Bearer "...), c.Bearer...)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, event...)
}

// exchange writes a request and reads its answer; keep says whether the connection can serve again.
func (k *conn) exchange(request []byte, start time.Time) (first time.Duration, keep bool, err error) {
	if _, err := k.Write(request); err != nil {
		return 0, false, err
	}
	if _, err := k.br.Peek(1); err != nil {
		return 0, false, err
	}
	first = time.Since(start)
	resp, err := http.ReadResponse(k.br, nil)
	if err != nil {
		return first, false, err
	}
	defer resp.Body.Close()
	k.timing = resp.Header.Get("Server-Timing")
	var b bytes.Buffer
	b.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead) // the client must not cost what is measured
	_, err = b.ReadFrom(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Function-Error") != "") {
		err = fmt.Errorf("%s: %s", resp.Status, b.Bytes())
	}
	return first, !resp.Close, err
}
