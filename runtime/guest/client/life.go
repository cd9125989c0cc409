package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// Ready waits until the function asks for its first event (or for the restore hook) and says how long it took. It dials
// again while init is not listening yet, so it may be called right after Box.Start; cancel ctx when the box exits.
func Ready(ctx context.Context, dial Dialer) (wire.StateHead, error) {
	var s wire.StateHead
	conn, err := dialSoon(ctx, dial)
	if err != nil {
		return s, err
	}
	return s, exchange(ctx, conn, wire.Ready, nil, wire.State, &s)
}

// Prepare tells an instance that a snapshot of it is about to be made; the function is at rest. The answer says what of it
// would draw the same random numbers in every instance of that snapshot.
func Prepare(ctx context.Context, dial Dialer) (head wire.PreparedHead, err error) {
	conn, err := dial(ctx)
	if err != nil {
		return head, fmt.Errorf("dial init.sock: %w", err)
	}
	return head, exchange(ctx, conn, wire.Prepare, nil, wire.End, &head)
}

// Restored tells an instance that it has just come back from a snapshot; it returns when the function's restore hooks
// have run and it may get events again.
func Restored(ctx context.Context, dial Dialer, h wire.RestoredHead) error {
	conn, err := dialSoon(ctx, dial)
	if err != nil {
		return err
	}
	return exchange(ctx, conn, wire.Restored, h, wire.End, nil)
}

// lastWords is how long an exchange still reads after it was cancelled. What ends a box cancels the exchange with it, and
// then why init gave up (a frame sent just before) lies in the socket already: it counts for more than that it has gone.
const lastWords = 100 * time.Millisecond

// exchange sends one frame and reads the answer to it.
func exchange(ctx context.Context, conn net.Conn, ask wire.Kind, in any, want wire.Kind, out any) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now().Add(lastWords)) })
	defer stop()
	var err error
	if in == nil {
		err = wire.WriteFrame(conn, ask, nil)
	} else {
		err = wire.WriteJSON(conn, ask, in)
	}
	var k wire.Kind
	var b []byte
	if err == nil {
		k, b, err = wire.ReadFrame(conn, nil)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("waiting for init: %w", context.Cause(ctx))
	case err != nil:
		return broken(err)
	case k == wire.Fail:
		return failed(b)
	case k != want:
		return broken(fmt.Errorf("frame %q instead of %q", k, want))
	case out == nil, len(b) == 0: // an earlier init's answer may be empty
		return nil
	}
	return json.Unmarshal(b, out)
}

// dialSoon dials until init listens, which is a few milliseconds after its process has been started.
func dialSoon(ctx context.Context, dial Dialer) (net.Conn, error) {
	for wait := 200 * time.Microsecond; ; wait = min(wait*5/4, 20*time.Millisecond) {
		conn, err := dial(ctx)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("init does not listen (%w): %w", err, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}
