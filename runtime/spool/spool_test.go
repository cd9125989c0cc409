package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// TestReaderAndReadFrom: the same bytes, however they come and go.
func TestReaderAndReadFrom(t *testing.T) {
	for _, n := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 7, 40 * blockSize} {
		for name, way := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.HalfReader, "the end with the last": iotest.DataErrReader} {
			s := New(Options{Dir: t.TempDir(), Memory: 5 * blockSize, Own: 3 * blockSize})
			want, b := random(n), s.Buffer()
			half := n / 2
			k, err := b.ReadFrom(way(bytes.NewReader(want[:half])))
			if k != int64(half) || err != nil {
				t.Fatal(name, k, err)
			}
			if _, err := b.Write(want[half : half+(n-half)/3]); err != nil {
				t.Fatal(err)
			}
			if _, err := b.ReadFrom(way(bytes.NewReader(want[half+(n-half)/3:]))); err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(b.Reader(), want); err != nil {
				t.Error(name, n, err)
			}
			r, begun := b.Reader(), make([]byte, min(n, 5))
			var got bytes.Buffer
			if _, err := io.ReadFull(r, begun); err != nil {
				t.Error(err)
			}
			if k, err := r.WriteTo(&got); k != int64(n-len(begun)) || err != nil || !bytes.Equal(append(begun, got.Bytes()...), want) {
				t.Errorf("%s: %d of %d bytes, %v", name, k, n, err)
			}
			if err := b.Close(); err != nil || s.left.Load() != 5*blockSize {
				t.Errorf("after Close %d of the budget is there: %v", s.left.Load(), err)
			}
		}
	}
	b := New(Options{Dir: t.TempDir()}).Buffer()
	defer b.Close()
	broken := errors.New("broken")
	if n, err := b.ReadFrom(io.MultiReader(bytes.NewReader(random(9)), iotest.ErrReader(broken))); n != 9 || !errors.Is(err, broken) || b.Size() != 9 {
		t.Error(n, err, b.Size())
	}
}

// TestBufferGivesBackWhatItGot: in memory, in the file, and across; and afterwards the budget is whole again.
func TestBufferGivesBackWhatItGot(t *testing.T) {
	for _, n := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 7, 40 * blockSize} {
		s := New(Options{Dir: t.TempDir(), Memory: 5 * blockSize, Own: 3 * blockSize})
		want, b := random(n), s.Buffer()
		if k, err := b.Write(want); k != n || err != nil {
			t.Fatal(k, err)
		}
		if err := iotest.TestReader(io.NewSectionReader(b, 0, b.Size()), want); err != nil {
			t.Error(n, err)
		}
		if used := 5*blockSize - s.left.Load(); used > 3*blockSize {
			t.Errorf("%d bytes hold %d of memory", n, used)
		}
		if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
			t.Errorf("files with a name: %v, %v", left, err)
		}
		if err := errors.Join(b.Close(), b.Close()); err != nil || s.left.Load() != 5*blockSize {
			t.Errorf("after Close %d of the budget is there: %v", s.left.Load(), err)
		}
	}
}

func TestTheBudgetIsEverybodys(t *testing.T) {
	s := New(Options{Dir: t.TempDir(), Memory: 4 * blockSize, Own: 4 * blockSize})
	var all []*Buffer
	for range 8 {
		b := s.Buffer()
		if _, err := b.Write(random(4 * blockSize)); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	held := 0
	for _, b := range all {
		held += b.held
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if held != 4 || s.left.Load() != 4*blockSize {
		t.Errorf("%d blocks were held of 4, %d bytes are left", held, s.left.Load())
	}
}

func TestWithoutAFolderTheErrorSaysSo(t *testing.T) {
	b := New(Options{Dir: "/nowhere", Memory: 1}).Buffer()
	defer b.Close()
	if _, err := b.Write(random(blockSize - 1)); err != nil {
		t.Error(err)
	}
	if _, err := b.Write(random(2)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestTheWriterRunsAhead by as much as it may, and is done before anything is read; past that it waits.
func TestTheWriterRunsAhead(t *testing.T) {
	const ahead = 6 * blockSize
	s := New(Options{Dir: t.TempDir(), Memory: 2 * blockSize, Own: 2 * blockSize})
	want, p := random(20*blockSize+5), s.Pipe(ahead)
	if _, err := p.Write(want[:ahead]); err != nil { // nobody reads
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Write(want[ahead:])
		p.CloseWrite(err)
		done <- err
	}()
	var got bytes.Buffer
	if _, err := io.Copy(&got, iotest.HalfReader(p)); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d of %d bytes, %v", got.Len(), len(want), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if p.buf.slots > ahead/blockSize+1 {
		t.Errorf("the file grew to %d blocks", p.buf.slots)
	}
	if err := p.Close(); err != nil || s.left.Load() != 2*blockSize {
		t.Error(err, s.left.Load())
	}
}

func TestAReaderThatLeavesFreesTheWriter(t *testing.T) {
	p := New(Options{Dir: t.TempDir()}).Pipe(1)
	done := make(chan error, 1)
	go func() { _, err := p.Write(random(10 * blockSize)); done <- err }()
	if _, err := io.ReadFull(p, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func TestAnEndWithAnErrorComesAfterTheLastByte(t *testing.T) {
	broke := errors.New("broke")
	p := New(Options{}).Pipe(1)
	defer p.Close()
	p.Write([]byte("abc"))
	p.CloseWrite(broke)
	if b, err := io.ReadAll(p); string(b) != "abc" || !errors.Is(err, broke) {
		t.Errorf("%q, %v", b, err)
	}
}
