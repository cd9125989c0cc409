package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial gives a connection whose other end serve speaks.
func dial(t testing.TB, serve func(c net.Conn)) Dialer {
	return func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); defer far.Close(); serve(far) }()
		t.Cleanup(func() { near.Close(); <-done })
		return near, nil
	}
}

// event reads a whole event, as init does first.
func event(t testing.TB, c net.Conn) (payload []byte) {
	for {
		k, b, err := wire.ReadFrame(c, nil)
		if err != nil || k == wire.End {
			return payload
		}
		if k == wire.Data {
			payload = append(payload, b...)
		}
	}
}

func call(size int) Call {
	return Call{Head: wire.InvokeHead{ID: "1", CancelGraceMs: 50}, Payload: bytes.Repeat([]byte("p"), size)}
}

func TestInvoke(t *testing.T) {
	for _, size := range []int{0, 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		d := dial(t, func(c net.Conn) {
			p := event(t, c)
			wire.WriteJSON(c, wire.Progress, spec.Progress{Step: 1})
			wire.WriteJSON(c, wire.Head, wire.ResponseHead{ContentType: "x"})
			for len(p) > 0 {
				n := min(len(p), 100_000)
				wire.WriteFrame(c, wire.Data, p[:n])
				wire.WriteJSON(c, wire.Progress, spec.Progress{Step: 2})
				p = p[n:]
			}
			wire.WriteJSON(c, wire.End, wire.InvokeEnd{RunMicros: 7})
		})
		in, steps := call(size), 0
		in.OnProgress = func(spec.Progress) { steps++ }
		r, err := Invoke(t.Context(), d, in)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(b, in.Payload) || r.Head.ContentType != "x" || r.End().RunMicros != 7 || r.Err() != nil {
			t.Errorf("size %d: %d bytes, %+v, %v", size, len(b), r.End(), err)
		}
		if want := 1 + (size+99_999)/100_000; steps != want {
			t.Errorf("size %d: %d reports, want %d", size, steps, want)
		}
		if r.Close() != nil || r.Close() != nil {
			t.Error("Close after the end")
		}
	}
}

func TestFailures(t *testing.T) {
	for class, want := range map[string]struct {
		is      error
		replace bool
	}{
		wire.ClassInit: {errdefs.ErrFailedPrecondition, true}, wire.ClassExit: {errdefs.ErrUnavailable, true},
		wire.ClassTimeout: {context.DeadlineExceeded, true}, wire.ClassCancelled: {context.Canceled, true},
		wire.ClassBusy: {errdefs.ErrResourceExhausted, false},
	} {
		d := dial(t, func(c net.Conn) {
			event(t, c)
			wire.WriteJSON(c, wire.Fail, wire.FailHead{Class: class, Message: "m", Exit: 3})
		})
		_, err := Invoke(t.Context(), d, call(1))
		var f *Failure
		if !errors.As(err, &f) || !errors.Is(err, want.is) || Replace(err) != want.replace || f.Exit != 3 || err.Error() != "m" {
			t.Errorf("%s: %v, replace %v", class, err, Replace(err))
		}
	}
}

func TestBrokenOff(t *testing.T) {
	for name, reply := range map[string]string{
		"nothing": "", "half a frame": "H\x00\x00", "not JSON": "H\x00\x00\x00\x01x", "unknown frame": "Z\x00\x00\x00\x00",
		"frame too long": "H\xff\xff\xff\xff", "data first": "D\x00\x00\x00\x01x",
	} {
		d := dial(t, func(c net.Conn) { event(t, c); io.WriteString(c, reply) })
		if _, err := Invoke(t.Context(), d, call(1)); !Replace(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := dial(t, func(c net.Conn) {
		event(t, c)
		io.WriteString(c, "H\x00\x00\x00\x02{}D\x00\x00\x00\x09half")
	})
	r, err := Invoke(t.Context(), d, call(1))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "half" || !errdefs.IsUnavailable(err) || !Replace(r.Err()) {
		t.Errorf("%q, %v", b, err)
	}
}

// TestCloseEarly cancels what is not read to its end; a function that then ends in time may be kept.
func TestCloseEarly(t *testing.T) {
	got := make(chan wire.Kind, 1)
	d := dial(t, func(c net.Conn) {
		event(t, c)
		wire.WriteJSON(c, wire.Head, wire.ResponseHead{})
		k, _, _ := wire.ReadFrame(c, nil)
		got <- k
		wire.WriteFrame(c, wire.Data, []byte("too late"))
		wire.WriteJSON(c, wire.End, wire.InvokeEnd{})
	})
	r, err := Invoke(t.Context(), d, call(1))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if k := <-got; k != wire.Cancel || !errors.Is(r.Err(), context.Canceled) || Replace(r.Err()) {
		t.Errorf("frame %q, %v, replace %v", k, r.Err(), Replace(r.Err()))
	}
}

// TestSilentInit bounds an init that has stopped answering altogether.
func TestSilentInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		d := dial(t, func(c net.Conn) {
			event(t, c)
			stop()
			io.Copy(io.Discard, c)
		})
		begin := time.Now()
		_, err := Invoke(ctx, d, call(1))
		if !errors.Is(err, context.Canceled) || !Replace(err) || time.Since(begin) > 5*slack {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

func TestReadyDialsUntilSomebodyListens(t *testing.T) {
	tries := 0
	up := dial(t, func(c net.Conn) {
		wire.ReadFrame(c, nil)
		wire.WriteJSON(c, wire.State, wire.StateHead{InitMicros: 5})
	})
	s, err := Ready(t.Context(), func(ctx context.Context) (net.Conn, error) {
		if tries++; tries < 3 {
			return nil, errors.New("not yet")
		}
		return up(ctx)
	})
	if err != nil || s.InitMicros != 5 || tries != 3 {
		t.Errorf("%+v, %v after %d tries", s, err, tries)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	exited := errors.New("the box has exited")
	_, err = Ready(ctx, func(context.Context) (net.Conn, error) { stop(exited); return nil, errors.New("refused") })
	if !errors.Is(err, exited) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

// What init says as its box ends counts for more than the end of the box, whichever is noticed first; an init that says
// nothing does not hold up the caller.
func TestReadyHearsWhyTheBoxEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exited := errors.New("the box has exited")
		for name, hold := range map[string]time.Duration{"said before": 0, "said meanwhile": lastWords / 4} {
			ctx, stop := context.WithCancelCause(t.Context())
			_, err := Ready(ctx, dial(t, func(c net.Conn) {
				wire.ReadFrame(c, nil)
				stop(exited)
				time.Sleep(hold)
				wire.WriteJSON(c, wire.Fail, wire.FailHead{Class: wire.ClassInit, Message: "m", NoCommand: true})
			}))
			var f *Failure
			if !errors.As(err, &f) || !f.NoCommand {
				t.Errorf("%s: %v", name, err)
			}
		}
		ctx, stop := context.WithCancelCause(t.Context())
		ended := make(chan struct{})
		_, err := Ready(ctx, dial(t, func(c net.Conn) { wire.ReadFrame(c, nil); stop(exited); <-ended }))
		close(ended)
		if !errors.Is(err, exited) {
			t.Errorf("a silent init: %v", err)
		}
	})
}

// A caller who gives up while the instance is being dialled says nothing against it.
func TestCancelBeforeAnythingIsSent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Invoke(ctx, func(ctx context.Context) (net.Conn, error) { cancel(); return nil, ctx.Err() }, call(1))
	var f *Failure
	if !errors.As(err, &f) || f.Class != wire.ClassCancelled || Replace(err) {
		t.Errorf("%v, replace %v", err, Replace(err))
	}
	if _, err := Invoke(t.Context(), func(context.Context) (net.Conn, error) { return nil, errors.New("refused") }, call(1)); !Replace(err) {
		t.Errorf("an instance that cannot be dialled is kept: %v", err)
	}
}

func TestPrepareAndRestored(t *testing.T) {
	ok := dial(t, func(c net.Conn) { wire.ReadFrame(c, nil); wire.WriteFrame(c, wire.End, nil) })
	if _, err := Prepare(t.Context(), ok); err != nil {
		t.Error(err)
	}
	if err := Restored(t.Context(), ok, wire.RestoredHead{InstanceID: "i"}); err != nil {
		t.Error(err)
	}
	bad := dial(t, func(c net.Conn) {
		wire.ReadFrame(c, nil)
		wire.WriteJSON(c, wire.Fail, wire.FailHead{Class: wire.ClassInit, Message: "hook"})
	})
	if err := Restored(t.Context(), bad, wire.RestoredHead{}); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("%v", err)
	}
}

// FuzzAnswer lets init say anything: the client ends, with an answer or a failure.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"H\x00\x00\x00\x02{}D\x00\x00\x00\x02hiE\x00\x00\x00\x02{}", "P\x00\x00\x00\x02{}X\x00\x00\x00\x02{}", "D\x00\x00\x00\x00", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		d := dial(t, func(c net.Conn) { event(t, c); c.Write(reply) })
		r, err := Invoke(t.Context(), d, call(1))
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, r)
		if n > int64(len(reply)) || err == nil && r.Err() != nil {
			t.Errorf("%d bytes of %d, %v, %v", n, len(reply), err, r.Err())
		}
		r.Close()
	})
}
