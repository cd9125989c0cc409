package http1

import (
	"bufio"
	"errors"
	"net"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/sockio"
)

// Handler serves one request. It reads the body before it returns (what is left is dropped) and sends the reply then or
// later. Requests of one connection come one after the other, those of several at the same time.
type Handler func(w *Reply, r *Request)

// maxDrain is how much of an unread body is dropped before the connection is closed instead, in bytes.
const maxDrain = 1 << 20

// Server serves a listener.
type Server struct {
	handler Handler
	mu      sync.Mutex
	ln      net.Listener
	conns   map[net.Conn]struct{}
	closed  bool
	wg      sync.WaitGroup
}

// NewServer makes a server; Serve starts it.
func NewServer(h Handler) *Server { return &Server{handler: h, conns: map[net.Conn]struct{}{}} }

// Serve accepts until Close; it returns nil then.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.ln = ln
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return ln.Close()
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return s.acceptError(err)
		}
		c = sockio.Conn(c)
		if !s.add(c) {
			c.Close()
			return nil
		}
		go s.serve(c)
	}
}

func (s *Server) acceptError(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return err
}

// Close closes the listener and every connection and waits for their goroutines. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	if s.ln != nil {
		s.ln.Close()
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) remove(c net.Conn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.wg.Done()
}

// readAhead is how much is read at a time, in bytes: two chunks of a large answer as Go's client sends them. Of what is not
// needed no page is touched.
const readAhead = 64 << 10

func (s *Server) serve(c net.Conn) {
	defer s.remove(c)
	br := bufio.NewReaderSize(c, readAhead)
	for {
		r, err := readRequest(br)
		if err != nil {
			refuse(c, err)
			return
		}
		r.Body.conn = c
		w := &Reply{conn: c, close: r.close}
		s.handler(w, r)
		if !finish(br, w, r) {
			return
		}
	}
}

// finish waits until the reply has been sent and the next request begins. While the reply is outstanding a byte from the
// client is either pipelining, which nobody here uses, or the end of the connection.
func finish(br *bufio.Reader, w *Reply, r *Request) bool {
	defer w.leave()
	drained := r.Body.Drain(maxDrain)
	if !drained || r.close && w.state.Load() == sent {
		return false
	}
	if _, err := br.Peek(1); err != nil {
		return false
	}
	return w.state.Load() == sent && !r.close
}

// refuse answers what could not be parsed.
func refuse(c net.Conn, err error) {
	var b *badRequest
	if errors.As(err, &b) {
		w := &Reply{conn: c, close: true}
		w.JSON(b.status, `{"errorType":"InvalidRequest","errorMessage":"the request is not HTTP/1.1 as it should be"}`)
	}
}
