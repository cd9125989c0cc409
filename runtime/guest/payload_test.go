package guest

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// TestReadPayload: whatever was said of an event's length, what comes is what counts, and the limit holds.
func TestReadPayload(t *testing.T) {
	event := bytes.Repeat([]byte("0123456789"), 100_000)
	for name, c := range map[string]struct {
		size, limit int64
		ok          bool
	}{
		"not said": {0, 1 << 20, true}, "said": {1_000_000, 1 << 20, true}, "too little said": {10, 1 << 20, true},
		"too much said": {1 << 20, 1 << 20, true}, "more than the limit said": {1<<20 + 1, 1 << 20, false}, "longer than the limit": {0, 999_999, false},
	} {
		var b bytes.Buffer
		for rest := event; len(rest) > 0; {
			n := min(len(rest), wire.MaxData)
			wire.WriteFrame(&b, wire.Data, rest[:n])
			rest = rest[n:]
		}
		wire.WriteFrame(&b, wire.End, nil)
		got, err := readPayload(bufio.NewReader(&b), c.size, c.limit)
		if (err == nil) != c.ok || c.ok && !bytes.Equal(got, event) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for cut := range 12 {
		in := append([]byte("D\x00\x00\x00\x02hiE\x00\x00\x00\x00"), ' ')[:cut]
		if _, err := readPayload(bufio.NewReader(bytes.NewReader(in)), 0, 100); err == nil {
			t.Errorf("cut after %d bytes: no error", cut)
		}
	}
}
