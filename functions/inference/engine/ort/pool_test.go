package ort

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const megabyte = 1 << 20

// What is kept never makes the pool larger than what was in use together and 32 MiB, whatever the order of sizes; what comes out of it is the
// taker's alone.
func TestThePoolTakesLittleMoreThanWhatIsInUseTogether(t *testing.T) {
	poolDrop()
	before, _, _ := poolCount()
	random := rand.New(rand.NewPCG(1, 2))
	type held struct {
		p    unsafe.Pointer
		n    int
		mark byte
	}
	var all []held
	live, most := 0, 0
	for i := range 4000 {
		if len(all) > 0 && (random.IntN(2) == 0 || live > 48*megabyte) {
			k := random.IntN(len(all))
			b := unsafe.Slice((*byte)(all[k].p), all[k].n)
			if b[0] != all[k].mark || b[len(b)-1] != all[k].mark {
				t.Fatalf("buffer %d of %d bytes was written by somebody else", k, all[k].n)
			}
			poolGive(all[k].p)
			live -= all[k].n
			all[k] = all[len(all)-1]
			all = all[:len(all)-1]
		} else {
			h := held{n: 1 + random.IntN(4*megabyte), mark: byte(i)}
			if h.p = poolTake(h.n); h.p == nil || uintptr(h.p)%64 != 0 {
				t.Fatalf("%d bytes at %v", h.n, h.p)
			}
			b := unsafe.Slice((*byte)(h.p), h.n)
			b[0], b[len(b)-1] = h.mark, h.mark
			all = append(all, h)
			live += h.n
		}
		most = max(most, live)
		used, kept, peak := poolCount()
		if used+kept > peak+32*megabyte || peak-before > most+most/4+len(all)*8192 {
			t.Fatalf("%d in use and %d kept, %d at most; %d of them were asked for together", used, kept, peak, most)
		}
	}
	for _, h := range all {
		poolGive(h.p)
	}
	if used, kept, _ := poolCount(); used != before || kept == 0 {
		t.Errorf("%d bytes are in use at the end, %d kept", used-before, kept)
	}
	poolDrop()
	if _, kept, _ := poolCount(); kept != 0 {
		t.Errorf("%d bytes are kept", kept)
	}
}

// The next buffer of about the same size is the one that was given back.
func TestABufferServesTheNextOneOfItsSize(t *testing.T) {
	poolDrop()
	defer poolDrop()
	p := poolTake(2 * megabyte)
	poolGive(p)
	if q := poolTake(2*megabyte - 300<<10); q != p {
		t.Errorf("%v, then %v", p, q)
	} else {
		poolGive(q)
	}
	q := poolTake(megabyte)
	defer poolGive(q)
	if q == p {
		t.Error("half of it is not to be wasted")
	}
}

// Nothing is nothing, and what no machine has is refused.
func TestThePoolRefusesWhatThereIsNot(t *testing.T) {
	poolGive(nil)
	if p := poolTake(-1); p != nil {
		t.Errorf("%v", p)
	}
	if p := poolTake(1 << 60); p != nil {
		t.Errorf("%v", p)
	}
}

// Sessions run at the same time.
func TestThePoolIsSharedByThreads(t *testing.T) {
	before, _, _ := poolCount()
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i := range 300 {
				p := poolTake(megabyte + i*1000)
				*(*byte)(p) = 1
				poolGive(p)
			}
		})
	}
	wait.Wait()
	if used, _, _ := poolCount(); used != before {
		t.Errorf("%d bytes are in use", used-before)
	}
	poolDrop()
}

// A session's tensors come from the pool, and Trim returns them.
func TestSessionsUseThePool(t *testing.T) {
	e := loaded(t)
	s, err := e.Open(t.Context(), sparse(t, 256, 3), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	poolDrop()
	if _, err := s.Run(t.Context(), engine.Values{"x": engine.Zeros(1024, 256)}); err != nil {
		t.Fatal(err)
	}
	_, kept, most := poolCount()
	if tensor := 4 * 1024 * 256; kept == 0 || most < 2*tensor || most > 4*tensor {
		t.Errorf("three products of %d bytes each took %d, of which %d are kept", tensor, most, kept)
	}
	e.Trim()
	if _, kept, _ := poolCount(); kept != 0 {
		t.Errorf("%d bytes are kept", kept)
	}
}

// A run that asks for more than there is ends with an error that says so, and the session goes on.
func TestARunWithoutMemoryFailsAndTheNextOneGoesOn(t *testing.T) {
	b := onnx.NewBuilder("outer")
	x, y := b.Input("x", onnx.Float32, "rows", int64(1)), b.Input("y", onnx.Float32, int64(1), "columns")
	b.Output("z", b.Op("Tanh", []onnx.Value{b.MatMul(x, y)}), onnx.Float32, "rows", "columns")
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := loaded(t).Open(t.Context(), path, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	product := func(n int64) error {
		_, err := s.Run(t.Context(), engine.Values{"x": engine.Zeros(n, 1), "y": engine.Zeros(1, n)})
		return err
	}
	if err := product(1 << 24); !errdefs.IsResourceExhausted(err) { // a product of a pebibyte, which no address space has
		t.Errorf("got %v", err)
	}
	if err := product(1 << 9); err != nil {
		t.Error(err)
	}
	poolDrop()
	if used, _, _ := poolCount(); used != 0 {
		t.Errorf("%d bytes are in use", used)
	}
}
