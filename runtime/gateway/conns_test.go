package gateway_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c
}

// status sends a request and gives the answer's status; the connection is kept.
func status(t *testing.T, c net.Conn) int {
	t.Helper()
	fmt.Fprint(c, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestTheConnectionThatWaitedLongestMakesRoom: silent ones, kept ones and those that send slowly, oldest first; the new one
// is served, one that is answered is never ended, and log and counts tell.
func TestTheConnectionThatWaitedLongestMakesRoom(t *testing.T) {
	var log bytes.Buffer
	conns := gateway.NewConnections(gateway.Bounds{Client: 4, All: 8}, slog.New(slog.NewTextHandler(&log, nil)))
	hold, held := make(chan struct{}), make(chan struct{}, 4)
	_, addr := serve(t, gateway.Options{Connections: conns}, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Hold") != "" {
			held <- struct{}{}
			<-hold
		}
	})
	busy := dial(t, addr)
	fmt.Fprint(busy, "POST /x HTTP/1.1\r\nHost: localhost\r\nHold: 1\r\nContent-Length: 0\r\n\r\n")
	<-held
	silent, kept, slow := dial(t, addr), dial(t, addr), dial(t, addr)
	if status(t, kept) != 200 {
		t.Fatal("not served")
	}
	fmt.Fprint(slow, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1")
	for range 4 { // room is made for each
		if got := status(t, dial(t, addr)); got != 200 {
			t.Errorf("a new one got %d", got)
		}
	}
	for name, c := range map[string]net.Conn{"silent": silent, "kept": kept, "slow": slow} {
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, net.ErrClosed) && strings.Contains(err.Error(), "timeout") {
			t.Errorf("the %s one is still there: %v", name, err)
		}
	}
	close(hold)
	if resp, err := http.ReadResponse(bufio.NewReader(busy), nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("the busy one: %v", err)
	}
	if open, dropped, refused := conns.Counts(); open > 4 || dropped < 3 || refused != 0 {
		t.Errorf("%d open, %d dropped, %d refused", open, dropped, refused)
	}
	if !strings.Contains(log.String(), "too many connections") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log: %s", log.String())
	}
}

// TestWhereAllAreAnsweredANewConnectionIsRefused and says why.
func TestWhereAllAreAnsweredANewConnectionIsRefused(t *testing.T) {
	conns := gateway.NewConnections(gateway.Bounds{Client: 2, All: 2}, nil)
	hold, held := make(chan struct{}), make(chan struct{}, 2)
	_, addr := serve(t, gateway.Options{Connections: conns}, func(http.ResponseWriter, *http.Request) { held <- struct{}{}; <-hold })
	for range 2 {
		fmt.Fprint(dial(t, addr), "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
		<-held
	}
	b, _ := io.ReadAll(dial(t, addr))
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 503 ")) || !bytes.Contains(b, []byte("too many connections")) {
		t.Errorf("%q", b)
	}
	close(hold)
	if _, _, refused := conns.Counts(); refused != 1 {
		t.Error(refused, "refused")
	}
}
