package spool

import "io"

// Reader reads a Buffer from its beginning. What lies in memory goes to a writer from there.
type Reader struct {
	b  *Buffer
	at int64
}

var _ io.WriterTo = (*Reader)(nil)

// Reader makes one. It must not be used after Close.
func (b *Buffer) Reader() *Reader { return &Reader{b: b} }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.b.ReadAt(p, r.at)
	if r.at += int64(n); n > 0 && err == io.EOF { //nolint:errorlint // ReadAt's own
		err = nil
	}
	return n, err
}

// WriteTo implements io.WriterTo, block by block.
func (r *Reader) WriteTo(w io.Writer) (n int64, err error) {
	var page *[blockSize]byte
	for err == nil && r.at < r.b.size {
		from := r.at % blockSize
		to := min(blockSize, from+r.b.size-r.at)
		mem := r.b.blocks[r.at/blockSize-r.b.first].mem
		if mem == nil {
			if page == nil {
				page = memory.Get().(*[blockSize]byte)
				defer memory.Put(page)
			}
			mem = page
			if _, err := r.b.ReadAt(mem[from:to], r.at); err != nil {
				return n, err
			}
		}
		var k int
		k, err = w.Write(mem[from:to])
		n, r.at = n+int64(k), r.at+int64(k)
	}
	return n, err
}
