package ort

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/engine/upload"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// hostBlock is a block in host memory outside Go's heap, which sessions on the CPU take their weights from.
type hostBlock struct {
	memory []byte
	freed  func()
	lane   error // what a lane is refused with
	wait   chan struct{}
}

func (b *hostBlock) at(offset int64) unsafe.Pointer { return unsafe.Pointer(&b.memory[offset]) }

func (b *hostBlock) free() error {
	b.freed()
	return syscall.Munmap(b.memory)
}

func (b *hostBlock) Lane(bytes int64, n int) (upload.Lane, error) {
	if b.wait != nil {
		<-b.wait
	}
	return &hostLane{b, make([]byte, bytes*int64(n)), bytes}, b.lane
}

type hostLane struct {
	b      *hostBlock
	buffer []byte
	bytes  int64
}

func (l *hostLane) Buffer(i int) []byte { return l.buffer[int64(i)*l.bytes:][:l.bytes] }
func (l *hostLane) Wait(int) error      { return nil }
func (l *hostLane) Close() error        { return nil }
func (l *hostLane) Copy(i int, at, n int64) error {
	copy(l.b.memory[at:], l.Buffer(i)[:n])
	return nil
}

// blocked has sessions on the CPU take their weights from blocks, each of which script may change; it counts those in use.
func blocked(t *testing.T, script func(*hostBlock)) (*Engine, *atomic.Int32) {
	t.Helper()
	e, inUse := loaded(t), new(atomic.Int32)
	e.blocks[""] = func(_ engine.Device, bytes int64) (block, error) {
		m, err := syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS)
		if err != nil {
			return nil, err
		}
		inUse.Add(1)
		b := &hostBlock{memory: m, freed: func() { inUse.Add(-1) }}
		if script != nil {
			script(b)
		}
		return b, nil
	}
	t.Cleanup(func() { delete(e.blocks, "") })
	return e, inUse
}

func TestConformanceWithWeightsInABlock(t *testing.T) {
	e, inUse := blocked(t, nil)
	enginetest.Run(t, e, engine.Options{})
	if n := inUse.Load(); n != 0 {
		t.Errorf("%d blocks are in use still", n)
	}
}

// all is 1000 times v.
func all(v float32) engine.Tensor {
	t := engine.Zeros(1000)
	for i := range t.Float32() {
		t.Float32()[i] = v
	}
	return t
}

// scaled is y = x·w + w, of one weight under its own name.
func scaled(b *onnx.Builder) {
	w := b.Weight("w", onnx.Float32, []int64{1000}, func(w io.Writer) error { _, err := w.Write(all(3).Bytes()); return err })
	x := b.Input("x", onnx.Float32, 1000)
	b.Output("y", b.Add(b.Mul(x, w), w), onnx.Float32, 1000)
}

// skewed brings other weights than the file has.
type skewed struct{ block }

func (b skewed) Lane(bytes int64, n int) (upload.Lane, error) {
	l, err := b.block.Lane(bytes, n)
	return skewedLane{l}, err
}

type skewedLane struct{ upload.Lane }

func (l skewedLane) Copy(i int, at, n int64) error {
	copy(l.Buffer(i)[:n], all(5).Bytes())
	return l.Lane.Copy(i, at, n)
}

// TestALibraryUsesTheBlock brings a weight of 5 where the file has 3, which a session that had read the file would not see. VIDEOSDGX_TEST_DEVICE
// ("cuda:0") has it done there too: the library would read the file where it takes the block for one of another device.
func TestALibraryUsesTheBlock(t *testing.T) {
	e, _ := blocked(t, nil)
	devices := []engine.Device{{}}
	if name := os.Getenv("VIDEOSDGX_TEST_DEVICE"); name != "" {
		d, err := engine.ParseDevice(name)
		if err != nil {
			t.Fatal(err)
		}
		devices = append(devices, d)
	}
	for _, d := range devices {
		take := e.blocks[d.Kind]
		e.blocks[d.Kind] = func(d engine.Device, bytes int64) (block, error) {
			b, err := take(d, bytes)
			return skewed{b}, err
		}
		y := opened(t, e, d)
		e.blocks[d.Kind] = take
		if y[0] != 15 || y[999] != 15 {
			t.Errorf("%s: 2·5 + 5 is %g and %g: the file's weights were used", d, y[0], y[999])
		}
	}
}

// opened is y of a session's run for x = 2.
func opened(t *testing.T, e *Engine, d engine.Device) []float32 {
	t.Helper()
	s, err := e.Open(t.Context(), enginetest.Write(t, scaled), engine.Options{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(t.Context(), engine.Values{"x": all(2)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Float32("y")
}

func TestASessionThatIsNotOpenedKeepsNoMemory(t *testing.T) {
	broken := errors.New("the device broke")
	e, inUse := blocked(t, func(b *hostBlock) { b.lane = broken })
	path := enginetest.Write(t, scaled)
	if _, err := e.Open(t.Context(), path, engine.Options{}); !errors.Is(err, broken) {
		t.Errorf("a device that broke: %v", err)
	}
	bad := filepath.Join(filepath.Dir(path), "bad.onnx")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte(strings.Replace(string(raw), "Mul", "Nul", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(t.Context(), bad, engine.Options{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "cannot be loaded") {
		t.Errorf("a graph that the library does not take: %v", err)
	}
	if n := inUse.Load(); n != 0 {
		t.Errorf("%d blocks are in use still", n)
	}
}

func TestAContextEndsAnOpen(t *testing.T) {
	wait := make(chan struct{})
	e, inUse := blocked(t, func(b *hostBlock) { b.wait = wait })
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("nobody wants it any more")
	cancelled := make(chan struct{})
	go func() {
		defer close(cancelled)
		cancel(reason)
		close(wait)
	}()
	_, err := e.Open(ctx, enginetest.Write(t, scaled), engine.Options{})
	<-cancelled
	if !errors.Is(err, reason) || inUse.Load() != 0 {
		t.Errorf("got %v, %d blocks in use", err, inUse.Load())
	}
}

func TestWeightsCountAgainstTheMemoryOfASession(t *testing.T) {
	plan := upload.Plan{Bytes: 3 << 20}
	if o, err := beside(plan, engine.Options{Memory: 10 << 20}); err != nil || o.Memory != 7<<20 {
		t.Errorf("3 of 10 MiB: %d left, %v", o.Memory, err)
	}
	if o, err := beside(plan, engine.Options{}); err != nil || o.Memory != 0 {
		t.Errorf("no limit: %d, %v", o.Memory, err)
	}
	if _, err := beside(plan, engine.Options{Memory: 3 << 20}); !errdefs.IsResourceExhausted(err) || !strings.Contains(err.Error(), "3 MiB asked for") {
		t.Errorf("3 of 3 MiB: %v", err)
	}
}
