package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// written is one line of a journal: a tensor that lies complete in the data file.
type written struct {
	Name   string
	Offset int64
	Length int64
	CRC    uint32 // Castagnoli
}

// castagnoli is made with its first use, once for the program.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// ResumeData opens the data file at path where an earlier writer has left off: every tensor that the journal lists is read
// back and kept if its content is what was written; what comes after the first that is not is cut off. Without a journal the
// file begins anew. Two writers at once are the caller's to prevent.
func ResumeData(path, journal string) (*DataFile, error) {
	kept, err := readJournal(journal)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open external data: %w", err)
	}
	d := newDataFile(f, path)
	if err := d.resume(kept, journal); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

func readJournal(path string) (all []written, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	for dec := json.NewDecoder(f); ; {
		var r written
		if err := dec.Decode(&r); err != nil {
			return all, nil // the end, or a line that was not finished
		}
		all = append(all, r)
	}
}

func (d *DataFile) resume(all []written, journal string) error {
	for _, r := range all {
		if r.Offset < d.offset || r.Offset%PageSize != 0 || !d.intact(r) {
			break
		}
		d.places[r.Name] = External{Location: d.base, Offset: r.Offset, Length: r.Length}
		d.offset = r.Offset + r.Length
		d.kept = append(d.kept, r)
	}
	if err := d.f.Truncate(d.offset); err != nil {
		return fmt.Errorf("resume external data: %w", err)
	}
	if _, err := d.f.Seek(d.offset, io.SeekStart); err != nil {
		return fmt.Errorf("resume external data: %w", err)
	}
	return d.startJournal(journal)
}

// intact reads a tensor back.
func (d *DataFile) intact(r written) bool {
	sum := crc32.New(castagnoli())
	n, err := io.Copy(sum, io.NewSectionReader(d.f, r.Offset, r.Length))
	return err == nil && n == r.Length && sum.Sum32() == r.CRC
}

// startJournal begins a journal with what was kept.
func (d *DataFile) startJournal(path string) error {
	fresh := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	f, err := os.Create(fresh)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	d.journal, d.lines = f, json.NewEncoder(f)
	for _, r := range d.kept {
		if err := d.lines.Encode(r); err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
	}
	return os.Rename(fresh, path)
}

// keep notes in the journal that a tensor is complete, once it has left this process.
func (d *DataFile) keep(name string, x External, sum hash.Hash32) error {
	if err := d.w.Flush(); err != nil {
		return fmt.Errorf("write weight %s: %w", name, err)
	}
	return d.lines.Encode(written{name, x.Offset, x.Length, sum.Sum32()})
}
