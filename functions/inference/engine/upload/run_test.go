package upload

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a device whose copies are made as late as a device may: when they are waited for.
type scripted struct {
	memory                  []byte
	lanes, open, most       atomic.Int32
	refuseLane, refuseCopy  error
	refuseWait, refuseClose error
	copied                  func() // after each copy was begun
}

type scriptedLane struct {
	d       *scripted
	buffers [][]byte
	under   []func()
}

func (d *scripted) Lane(bytes int64, n int) (Lane, error) {
	if d.refuseLane != nil {
		return nil, d.refuseLane
	}
	d.lanes.Add(1)
	d.most.Store(max(d.most.Load(), d.open.Add(1)))
	l := &scriptedLane{d: d, under: make([]func(), n)}
	for range n {
		l.buffers = append(l.buffers, make([]byte, bytes))
	}
	return l, nil
}

func (l *scriptedLane) Buffer(i int) []byte { return l.buffers[i] }

func (l *scriptedLane) Copy(i int, at, n int64) error {
	if l.under[i] != nil {
		panic("a buffer is used while it is copied from")
	}
	l.under[i] = func() { copy(l.d.memory[at:at+n], l.buffers[i]) }
	if l.d.copied != nil {
		l.d.copied()
	}
	return l.d.refuseCopy
}

func (l *scriptedLane) Wait(i int) error {
	if l.under[i] != nil {
		l.under[i]()
		l.under[i] = nil
	}
	return l.d.refuseWait
}

func (l *scriptedLane) Close() error {
	for i := range l.under {
		_ = l.Wait(i)
	}
	l.d.open.Add(-1)
	return l.d.refuseClose
}

var few = Options{Readers: 3, Buffers: 2, Piece: 1000}

// file writes n random bytes.
func file(t *testing.T, n int) (string, []byte) {
	t.Helper()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	path := filepath.Join(t.TempDir(), "weights.bin")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, b
}

func TestEveryByteArrives(t *testing.T) {
	one, a := file(t, 50_500)
	two, b := file(t, 999)
	p := Plan{Spans: []Span{{one, 4096, 20_000, 0}, {one, 30_000, 20_500, 20_480}, {two, 0, 999, 45_056}}, Bytes: 49_152}
	want := make([]byte, p.Bytes)
	copy(want, a[4096:24_096])
	copy(want[20_480:], a[30_000:])
	copy(want[45_056:], b)
	for _, o := range []Options{few, {1, 1, 7}, {16, 4, 4096}, {2, 2, 1 << 20}} {
		d := &scripted{memory: make([]byte, p.Bytes)}
		if err := p.Run(t.Context(), d, o); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.memory, want) {
			t.Errorf("%+v: other bytes arrived", o)
		}
		if d.open.Load() != 0 || int(d.lanes.Load()) > o.Readers {
			t.Errorf("%+v: %d lanes were opened, %d are open still", o, d.lanes.Load(), d.open.Load())
		}
	}
}

func TestWhatAnUploadCannotDoIsTold(t *testing.T) {
	path, _ := file(t, 10_000)
	fifo := filepath.Join(t.TempDir(), "weights.bin")
	if err := os.Mkdir(fifo, 0o700); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the device broke")
	for _, c := range []struct {
		name, path string
		bytes      int64
		device     *scripted
		says       string
	}{
		{"truncated", path, 10_001, &scripted{}, "weights.bin is truncated: 10000 bytes, at least 10001 expected"},
		{"missing", path + ".not", 1, &scripted{}, "no such file"},
		{"a folder", fifo, 1, &scripted{}, "no regular file"},
		{"no lane", path, 10_000, &scripted{refuseLane: broken}, broken.Error()},
		{"no copy", path, 10_000, &scripted{refuseCopy: broken}, broken.Error()},
		{"a copy that fails", path, 10_000, &scripted{refuseWait: broken}, broken.Error()},
		{"the last copy", path, 10_000, &scripted{refuseClose: broken}, broken.Error()},
	} {
		c.device.memory = make([]byte, 12_288)
		err := Plan{Spans: []Span{{c.path, 0, c.bytes, 0}}, Bytes: 12_288}.Run(t.Context(), c.device, few)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if c.device.open.Load() != 0 {
			t.Errorf("%s: a lane is open still", c.name)
		}
	}
}

func TestAFileThatChangesMeanwhileIsRefused(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"was truncated while it was read":  func(path string) error { return os.Truncate(path, 2000) },
		"was written to while it was read": func(path string) error { return appended(path, "x") },
	} {
		path, _ := file(t, 100_000)
		var once sync.Once
		d := &scripted{memory: make([]byte, 100_000)}
		d.copied = func() {
			once.Do(func() {
				if err := change(path); err != nil {
					t.Error(err)
				}
			})
		}
		err := Plan{Spans: []Span{{path, 0, 100_000, 0}}, Bytes: 100_000}.Run(t.Context(), d, Options{Readers: 1, Buffers: 2, Piece: 1000})
		if err == nil || !strings.Contains(err.Error(), "weights.bin "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func appended(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestAPageThatCannotBeReadIsTold(t *testing.T) {
	s, err := openSource("/proc/self/mem") // whose first page is never there
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.readAt(make([]byte, 10), 0); err == nil || !strings.Contains(err.Error(), "mem cannot be read at byte 0: ") {
		t.Errorf("got %v", err)
	}
}

func TestAContextEndsAnUploadBetweenPieces(t *testing.T) {
	path, _ := file(t, 1<<20)
	reason := errors.New("nobody wants it any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	var copies atomic.Int32
	d := &scripted{memory: make([]byte, 1<<20), copied: func() {
		copies.Add(1)
		cancel(reason)
	}}
	if err := (Plan{Spans: []Span{{path, 0, 1 << 20, 0}}, Bytes: 1 << 20}).Run(ctx, d, few); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
	if n := copies.Load(); n > int32(few.Readers) || d.open.Load() != 0 {
		t.Errorf("%d copies by %d readers, %d lanes open", n, few.Readers, d.open.Load())
	}
}
