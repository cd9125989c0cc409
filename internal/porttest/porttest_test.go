package porttest

import (
	"net"
	"strconv"
	"testing"
)

func TestFreePortsAreOthersEveryTime(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		port := Free(t)
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if n, err := strconv.Atoi(port); err != nil || n < first || n >= beyond() || seen[port] {
			t.Errorf("%s, %v, again: %v", port, err, seen[port])
		}
		seen[port] = true
	}
}
