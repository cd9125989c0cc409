package onnx

import (
	"bufio"
	"fmt"
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
}

// CreateData makes the file at path, which must lie in the folder of the models that will name it.
func CreateData(path string) (*DataFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create external data: %w", err)
	}
	return &DataFile{f: f, w: bufio.NewWriterSize(f, 1<<20), base: filepath.Base(path), places: map[string]External{}}, nil
}

// Add writes what t loads and turns t into a reference to it. Only one tensor's content is in memory at a time.
func (d *DataFile) Add(t *Tensor) error {
	if x, ok := d.places[t.Name]; ok {
		if x.Length != t.Bytes() {
			return fmt.Errorf("two weights of different sizes are called %s", t.Name)
		}
		t.External, t.Load, t.Raw = &x, nil, nil
		return nil
	}
	raw, err := t.content()
	if err != nil {
		return err
	}
	if err := d.pad(); err != nil {
		return err
	}
	x := External{Location: d.base, Offset: d.offset, Length: int64(len(raw))}
	if _, err := d.w.Write(raw); err != nil {
		return fmt.Errorf("write weight %s: %w", t.Name, err)
	}
	d.offset += int64(len(raw))
	d.places[t.Name] = x
	t.External, t.Load, t.Raw = &x, nil, nil
	return nil
}

func (t *Tensor) content() (raw []byte, err error) {
	raw = t.Raw
	if t.Load != nil {
		if raw, err = t.Load(); err != nil {
			return nil, fmt.Errorf("load weight %s: %w", t.Name, err)
		}
	}
	if int64(len(raw)) != t.Bytes() {
		return nil, fmt.Errorf("weight %s holds %d bytes, its shape %v needs %d", t.Name, len(raw), t.Dims, t.Bytes())
	}
	return raw, nil
}

var zeroPage [PageSize]byte

func (d *DataFile) pad() error {
	n := (PageSize - d.offset%PageSize) % PageSize
	d.offset += n
	_, err := d.w.Write(zeroPage[:n])
	return err
}

// Close fills the last page, flushes and syncs: a full disk is told here at the latest.
func (d *DataFile) Close() error {
	defer d.f.Close()
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
