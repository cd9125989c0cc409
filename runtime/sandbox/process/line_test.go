package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

// TestLine is a kept connection with a real init at its other end: it serves one event after the other, large ones too,
// and an init whose function ends while it rests neither waits for it nor leaves in doubt what happened to an event.
func TestLine(t *testing.T) {
	box, line, dials := warm(t), &client.Line{}, 0
	defer line.Close()
	dial := func(ctx context.Context) (net.Conn, error) { dials++; return box.Dial(ctx) }
	invoke := func(n int) error {
		event := fmt.Sprintf("%q", strings.Repeat("e", n))
		r, err := line.Invoke(t.Context(), dial, client.Call{
			Head:    wire.InvokeHead{ID: fmt.Sprint(n), DeadlineMs: time.Now().Add(time.Minute).UnixMilli(), ARN: "arn:test"},
			Payload: []byte(event),
		})
		if err != nil {
			return err
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != event {
			t.Errorf("%d bytes back of %d, %v", len(b), len(event), err)
		}
		return r.Close()
	}
	for _, n := range []int{1, 2, 100_000, 300_000, 3} {
		if err := invoke(n); err != nil {
			t.Fatal(err)
		}
	}
	if dials != 1 {
		t.Errorf("%d dials", dials)
	}
	stopsAtOnce(t, box)
	err := invoke(4)
	var f *client.Failure
	if errors.As(err, &f) && !f.Unseen || err == nil {
		t.Errorf("an event after the end: %v", err)
	}
}

// stopsAtOnce: init gives exchanges under way a second to end, but nothing is under way. A machine that does other work may take that
// long for a stop as well, though not for three.
func stopsAtOnce(t *testing.T, box instance.Box) {
	t.Helper()
	for try := 1; ; try++ {
		begin := time.Now()
		if err := box.Stop(t.Context(), 10*time.Second); err != nil {
			t.Error(err)
		}
		took := time.Since(begin)
		if took <= 900*time.Millisecond {
			return
		}
		if try == 3 {
			t.Errorf("took %s to stop", took)
			return
		}
		box = warm(t)
		line := &client.Line{}
		defer line.Close()
		r, err := line.Invoke(t.Context(), box.Dial, client.Call{Head: wire.InvokeHead{ID: "again", DeadlineMs: time.Now().Add(time.Minute).UnixMilli(), ARN: "arn:test"}, Payload: []byte("1")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Error(err)
		}
		r.Close()
	}
}
