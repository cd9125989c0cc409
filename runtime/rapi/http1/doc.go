// Package http1 is the small HTTP/1.1 server under the Runtime API. It exists instead of net/http for two reasons. A
// reply may be sent later by another goroutine while the connection's own goroutine already waits for the next request,
// so a long poll is answered by whoever has the news, without a hand-over, and a client that goes away is noticed at
// once. And init stays small: net/http would be most of its size and start-up time.
//
// It serves one trusted client process over loopback: no TLS, no pipelining, no timeouts, one handler. Requests are
// parsed strictly; what it does not understand it refuses and closes.
package http1
