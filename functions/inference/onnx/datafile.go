package onnx

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// PageSize is the alignment of every tensor in a data file, in bytes: what mmap wants on the machines we run on.
const PageSize = 4096

// DataFile is external data being written. Several models may share one: a tensor whose name was added before is not
// written twice, so the graphs of one bundle name each weight by what it is.
type DataFile struct {
	f      *os.File
	w      *bufio.Writer
	base   string
	offset int64
	places map[string]External

	journal *os.File
	lines   *json.Encoder
	kept    []written
}

func newDataFile(f *os.File, path string) *DataFile {
	return &DataFile{f: f, w: bufio.NewWriterSize(f, 1<<20), base: filepath.Base(path), places: map[string]External{}}
}

// CountData is a data file of a name that is not written: tensors get their places in it, and it is known how large it would be.
func CountData(name string) *DataFile { return &DataFile{base: name, places: map[string]External{}} }

// Counts says whether the file is counted only.
func (d *DataFile) Counts() bool { return d.f == nil }

// Size is the bytes of the whole file, its last page filled.
func (d *DataFile) Size() int64 { return d.offset + d.padding() }

func (d *DataFile) padding() int64 { return (PageSize - d.offset%PageSize) % PageSize }

// count gives t a place without writing it.
func (d *DataFile) count(t *Tensor) {
	x := External{Location: d.base, Offset: d.Size(), Length: t.Bytes()}
	d.offset = x.Offset + x.Length
	d.places[t.Name] = x
	t.External, t.Content, t.Raw = &x, nil, nil
}

// Add writes t's content and turns t into a reference to it. Offset and length of a tensor's room are whole pages.
func (d *DataFile) Add(t *Tensor) error {
	if x, ok := d.places[t.Name]; ok {
		if x.Length != t.Bytes() {
			return fmt.Errorf("two weights of different sizes are called %s", t.Name)
		}
		t.External, t.Content, t.Raw = &x, nil, nil
		return nil
	}
	if d.Counts() {
		d.count(t)
		return nil
	}
	if err := d.pad(); err != nil {
		return err
	}
	x := External{Location: d.base, Offset: d.offset, Length: t.Bytes()}
	sum := crc32.New(castagnoli())
	n, err := t.WriteTo(io.MultiWriter(d.w, sum))
	d.offset += n
	if err == nil {
		err = d.keep(t.Name, x, sum)
	}
	if err != nil {
		return err
	}
	d.places[t.Name] = x
	t.External, t.Content, t.Raw = &x, nil, nil
	return nil
}

// WriteTo writes the content, whose size must be what type and dimensions say.
func (t *Tensor) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w}
	write := t.Content
	if write == nil {
		write = func(w io.Writer) error { _, err := w.Write(t.Raw); return err }
	}
	if err := write(c); err != nil {
		return c.n, fmt.Errorf("write weight %s: %w", t.Name, err)
	}
	if c.n != t.Bytes() {
		return c.n, fmt.Errorf("weight %s holds %d bytes, its shape %v needs %d", t.Name, c.n, t.Dims, t.Bytes())
	}
	return c.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

var zeroPage [PageSize]byte

func (d *DataFile) pad() error {
	n := d.padding()
	d.offset += n
	_, err := d.w.Write(zeroPage[:n])
	return err
}

// Close fills the last page, flushes and syncs: a full disk is told here at the latest.
func (d *DataFile) Close() error {
	if d.Counts() {
		return nil
	}
	defer d.f.Close()
	defer d.journal.Close()
	if err := d.pad(); err != nil {
		return fmt.Errorf("write external data: %w", err)
	}
	if err := d.w.Flush(); err != nil {
		return fmt.Errorf("write external data: %w", err)
	}
	if err := d.f.Sync(); err != nil {
		return fmt.Errorf("sync external data: %w", err)
	}
	return d.f.Close()
}
