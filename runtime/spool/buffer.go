package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Buffer grows by Write and is read anywhere by ReadAt. It belongs to one goroutine.
type Buffer struct {
	spool  *Spool
	blocks []block // all full but for the last
	first  int64   // number of the first block: those before it have been dropped
	size   int64
	held   int // blocks of memory from the budget
	file   *os.File
	slots  int64   // of blocks in the file
	free   []int64 // slots that can be used again
}

// block is in memory, or in a slot of the file.
type block struct {
	mem  *[blockSize]byte
	paid bool // from the budget
	slot int64
}

// Buffer makes one; Close gives back what it holds.
func (s *Spool) Buffer() *Buffer { return &Buffer{spool: s} }

// Size is the number of bytes written.
func (b *Buffer) Size() int64 { return b.size }

// Write implements io.Writer. An error is the file's.
func (b *Buffer) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(b.room(), p[n:])
		n += k
		if err := b.grew(k); err != nil {
			return n, err
		}
	}
	return n, nil
}

// ReadFrom implements io.ReaderFrom: what comes is read to where it stays.
func (b *Buffer) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		k, err := r.Read(b.room())
		n += int64(k)
		if gerr := b.grew(k); gerr != nil {
			return n, gerr
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// room is what is free of the last block, which is a new one where there was none.
func (b *Buffer) room() []byte {
	if b.size == (b.first+int64(len(b.blocks)))*blockSize {
		b.blocks = append(b.blocks, block{mem: memory.Get().(*[blockSize]byte)})
	}
	return b.blocks[len(b.blocks)-1].mem[b.size%blockSize:]
}

// grew takes n bytes, which are in the room, for written.
func (b *Buffer) grew(n int) error {
	if b.size += int64(n); n > 0 && b.size%blockSize == 0 {
		return b.settle(&b.blocks[len(b.blocks)-1])
	}
	return nil
}

// settle lets a full block stay in memory, or puts it into the file.
func (b *Buffer) settle(k *block) error {
	if int64(b.held+1)*blockSize <= b.spool.own && b.spool.take() {
		k.paid = true
		b.held++
		return nil
	}
	if b.file == nil {
		f, err := b.spool.file()
		if err != nil {
			return err
		}
		b.file = f
	}
	k.slot = b.slot()
	if _, err := b.file.WriteAt(k.mem[:], k.slot*blockSize); err != nil {
		return fmt.Errorf("an answer that does not fit into memory could not be put on disk: %w", err)
	}
	memory.Put(k.mem)
	k.mem = nil
	return nil
}

func (b *Buffer) slot() int64 {
	if n := len(b.free); n > 0 {
		s := b.free[n-1]
		b.free = b.free[:n-1]
		return s
	}
	b.slots++
	return b.slots - 1
}

// ReadAt implements io.ReaderAt.
func (b *Buffer) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < b.size {
		k, at := &b.blocks[off/blockSize-b.first], off%blockSize
		part := p[n:min(int64(len(p)), int64(n)+min(blockSize-at, b.size-off))]
		m := len(part)
		if k.mem != nil {
			copy(part, k.mem[at:])
		} else if m, err = b.file.ReadAt(part, k.slot*blockSize+at); err != nil {
			return n + m, fmt.Errorf("read a spooled answer: %w", err)
		}
		n, off = n+m, off+int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// drop gives up the whole blocks before off, which nobody reads any more.
func (b *Buffer) drop(off int64) {
	n := min(off/blockSize, b.size/blockSize) - b.first
	for i := range n {
		b.release(&b.blocks[i])
	}
	b.blocks = b.blocks[n:]
	b.first += n
}

func (b *Buffer) release(k *block) {
	if k.mem == nil {
		b.free = append(b.free, k.slot)
		return
	}
	memory.Put(k.mem)
	k.mem = nil
	if k.paid {
		b.held--
		b.spool.give(1)
	}
}

// Close gives memory and file back. It may be called twice.
func (b *Buffer) Close() error {
	for i := range b.blocks {
		b.release(&b.blocks[i])
	}
	b.blocks, b.first, b.size = nil, 0, 0
	if b.file == nil {
		return nil
	}
	f := b.file
	b.file = nil
	return f.Close()
}
