package guest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTail(t *testing.T) {
	var l tail
	l.write([]byte("before\n"))
	mark := l.mark()
	l.write([]byte("one\n"))
	if got := string(l.since(mark)); got != "one\n" {
		t.Errorf("since = %q", got)
	}
	for range 3 {
		l.write(bytes.Repeat([]byte("x"), tailSize/2+7))
	}
	l.write([]byte("end"))
	if got := l.since(mark); len(got) != tailSize || !bytes.HasSuffix(got, []byte("xend")) {
		t.Errorf("%d bytes ending in %q", len(got), got[len(got)-4:])
	}
	l.write(bytes.Repeat([]byte("y"), 3*tailSize))
	if got := l.since(0); string(got) != strings.Repeat("y", tailSize) {
		t.Errorf("a write longer than the tail left %d bytes", len(got))
	}
}

// out keeps writes apart.
type out struct {
	mu     sync.Mutex
	writes []string
}

func (o *out) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes = append(o.writes, string(p))
	return len(p), nil
}

func TestLogpipeWritesWholeLines(t *testing.T) {
	o := &out{}
	l, err := newLogpipe(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.r.Close()
	go l.pump()
	for _, s := range []string{"a", "b\nc", "\nrest"} {
		l.w.WriteString(s)
		l.settle(time.Minute)
	}
	if got := string(l.since(0)); got != "ab\nc\nrest" {
		t.Errorf("tail %q after settling", got)
	}
	l.w.Close()
	l.finish(time.Minute)
	for _, w := range o.writes {
		if !strings.HasSuffix(w, "\n") {
			t.Errorf("wrote %q", w)
		}
	}
	if got := unstamped(t, strings.Join(o.writes, "")); got != "-\tab\n-\tc\n-\trest\n" {
		t.Errorf("log %q", got)
	}
}

// TestSettleWaitsForThePump, however late it comes, but not for what is written meanwhile without an end.
func TestSettleWaitsForThePump(t *testing.T) {
	l, err := newLogpipe(&out{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.r.Close()
	l.w.WriteString("said before\n")
	began := make(chan struct{})
	go func() {
		close(began)
		time.Sleep(50 * time.Millisecond)
		l.pump()
	}()
	<-began
	l.settle(time.Minute)
	if got := string(l.since(0)); got != "said before\n" {
		t.Errorf("the tail has %q", got)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	line := append(bytes.Repeat([]byte("z"), 999), '\n')
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				l.w.Write(line)
			}
		}
	}()
	for range 20 {
		begin := time.Now()
		if l.settle(time.Minute); time.Since(begin) > 50*time.Second {
			t.Error("it waits for a function that writes all the time")
		}
	}
	close(stop)
	<-stopped
	l.w.Close()
	l.finish(time.Minute)
	if n := l.past.Load(); n != l.mark() {
		t.Errorf("%d bytes are past, %d in the tail", n, l.mark())
	}
}

func TestLogpipeCutsEndlessLines(t *testing.T) {
	o := &out{}
	l, err := newLogpipe(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.r.Close()
	go l.pump()
	l.w.Write(bytes.Repeat([]byte("z"), 3*maxLine))
	l.w.Close()
	l.finish(time.Minute)
	if len(o.writes) < 3 || len(o.writes[0]) > 2*maxLine {
		t.Errorf("%d writes", len(o.writes))
	}
}
