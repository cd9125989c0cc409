package weights

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/containerd/errdefs"
)

// File is one open safetensors file. Its methods may be called from several goroutines.
type File struct {
	path string
	f    *os.File
	head *header
}

// Open opens a safetensors file, which must be a regular one, and checks its whole header against the file's size.
func Open(path string) (*File, error) {
	f, err := OpenRegular(path)
	var other *FormatError
	if errors.As(err, &other) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open weights: %w", err)
	}
	h, err := readHeader(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{path: path, f: f, head: h}, nil
}

func readHeader(path string, f *os.File) (*header, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return readHeaderAt(path, f, st.Size())
}

func readHeaderAt(path string, r io.ReaderAt, size int64) (*header, error) {
	var prefix [8]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, &FormatError{File: path, Reason: fmt.Sprintf("%d bytes are too few for a safetensors file", size)}
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, &FormatError{File: path, Reason: fmt.Sprintf(
			"the header should have %d bytes, the file has %d: it is truncated or no safetensors file", n, size)}
	}
	raw := make([]byte, n)
	if _, err := r.ReadAt(raw, 8); err != nil && n > 0 {
		return nil, fmt.Errorf("cannot read the header of %s: %w", path, err)
	}
	return parseHeader(path, raw, 8+int64(n), size-8-int64(n))
}

// Path is the file's path.
func (f *File) Path() string { return f.path }

// Digest is that of the content as it is open, "sha256:…": whatever lies at its path by now.
func (f *File) Digest(ctx context.Context) (string, error) {
	d, _, err := Digest(ctx, f.f)
	return d, err
}

// Names lists the tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.head.tensors)) }

// Metadata is the header's __metadata__.
func (f *File) Metadata() map[string]string { return f.head.metadata }

// Notes says in words what is odd about the file and does no harm unless it is used: tensors of unknown types, bytes that
// belong to no tensor.
func (f *File) Notes() []string { return f.head.notes }

// Info describes a tensor; errdefs.ErrNotFound when there is none of that name.
func (f *File) Info(name string) (Info, error) {
	i, ok := f.head.tensors[name]
	if !ok {
		return Info{}, missing(f.path, name)
	}
	return i, nil
}

// Raw reads a tensor's bytes as they lie in the file.
func (f *File) Raw(name string) ([]byte, error) {
	i, err := f.Info(name)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, i.Size)
	if _, err := f.f.ReadAt(buf, i.Offset); err != nil && i.Size > 0 {
		return nil, fmt.Errorf("cannot read tensor %q of %s: %w", name, f.path, err)
	}
	return buf, nil
}

// Reader reads a tensor's bytes piece by piece.
func (f *File) Reader(name string) (*io.SectionReader, error) {
	i, err := f.Info(name)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(f.f, i.Offset, i.Size), nil
}

// pieceBytes is how much is read at once while converting: a multiple of every element size.
const pieceBytes = 1 << 20

// Float32 reads a tensor and converts it to float32 in row-major order.
func (f *File) Float32(name string) ([]float32, error) {
	i, err := f.Info(name)
	if err != nil {
		return nil, err
	}
	if i.DType.Bits() == 0 {
		return nil, &FormatError{File: f.path, Tensor: name, Reason: fmt.Sprintf("has the unknown type %q: convert the checkpoint to BF16", i.DType)}
	}
	out := make([]float32, i.Elements())
	return out, f.ReadFloat32(name, 0, out)
}

// ReadFloat32 reads the elements of a tensor from position at on, in row-major order, converted to float32, until dst is
// full. For a type of less than a byte at must be even.
func (f *File) ReadFloat32(name string, at int64, dst []float32) error {
	i, err := f.Info(name)
	if err != nil {
		return err
	}
	if at < 0 || at+int64(len(dst)) > i.Elements() {
		return fmt.Errorf("tensor %q of %s has %d elements, not %d: %w", name, f.path, i.Elements(), at+int64(len(dst)), errdefs.ErrInvalidArgument)
	}
	bits := i.DType.Bits()
	from, size := at*bits/8, (int64(len(dst))*bits+7)/8
	buf := make([]byte, min(pieceBytes, size))
	for done := int64(0); done < size; {
		buf = buf[:min(int64(len(buf)), size-done)]
		if _, err := f.f.ReadAt(buf, i.Offset+from+done); err != nil {
			return fmt.Errorf("cannot read tensor %q of %s: %w", name, f.path, err)
		}
		first := done * 8 / bits
		decodeInto(i.DType, buf, dst[first:min(first+int64(len(buf))*8/bits, int64(len(dst)))])
		done += int64(len(buf))
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
