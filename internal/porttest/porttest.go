// Package porttest finds ports for programs that are told theirs before they listen.
package porttest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
)

// first is above the ports of most services.
const first = 10_000

var (
	mu    sync.Mutex
	given = map[int]bool{}
)

// Free gives a port of 127.0.0.1 at which nothing listens, another one at every call. It is none of those that the kernel gives to
// who asks for any, so that no connection takes it before the program listens.
func Free(t testing.TB) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	for range 1000 {
		port := first + rand.IntN(beyond()-first)
		if given[port] {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		given[port] = true
		return strconv.Itoa(port)
	}
	t.Fatal("no port is free")
	return ""
}

// beyond is the first port that the kernel gives away by itself, or the end of all where that leaves none before it.
func beyond() int {
	low := 0
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(b), &low)
	}
	if low < first+1000 {
		return 1 << 16
	}
	return low
}
