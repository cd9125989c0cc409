package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sort"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Tensor is one tensor to write. Its bytes come from Data, or from From when that is set (a tensor too large to hold).
type Tensor struct {
	Name  string
	DType DType
	Shape []int64
	Data  []byte
	From  io.Reader
}

// Float32Tensor is a tensor of type F32.
func Float32Tensor(name string, shape []int64, values []float32) Tensor {
	raw, _ := Encode(F32, values) // F32 can always be written
	return Tensor{Name: name, DType: F32, Shape: shape, Data: raw}
}

type entry struct {
	DType   DType    `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Write writes a safetensors file that Open reads back, in place of what was at path. The data starts at a multiple of
// 8 bytes; wider types come first, as the reference library orders them, so that every element is aligned.
func Write(path string, tensors []Tensor, metadata map[string]string) (err error) {
	sorted := append([]Tensor(nil), tensors...)
	sort.SliceStable(sorted, func(a, b int) bool {
		if x, y := sorted[a].DType.Bits(), sorted[b].DType.Bits(); x != y {
			return x > y
		}
		return sorted[a].Name < sorted[b].Name
	})
	head, err := layout(sorted, metadata)
	if err != nil {
		return err
	}
	return replaceFile(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		return writeData(w, sorted)
	})
}

func layout(sorted []Tensor, metadata map[string]string) ([]byte, error) {
	doc := map[string]any{}
	if len(metadata) > 0 {
		doc["__metadata__"] = metadata
	}
	at := int64(0)
	for _, t := range sorted {
		size, ok := t.DType.Bytes((Info{Shape: t.Shape}).Elements())
		if _, twice := doc[t.Name]; !ok || twice || t.From == nil && size != int64(len(t.Data)) {
			return nil, fmt.Errorf("cannot write tensor %q of %s %v with %d bytes: %w",
				t.Name, t.DType, t.Shape, len(t.Data), errdefs.ErrInvalidArgument)
		}
		doc[t.Name] = entry{DType: t.DType, Shape: append([]int64{}, t.Shape...), Offsets: [2]int64{at, at + size}}
		at += size
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	raw = append(raw, bytes.Repeat([]byte{' '}, (8-len(raw)%8)%8)...)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...), nil
}

func writeData(w io.Writer, sorted []Tensor) error {
	for _, t := range sorted {
		size, _ := t.DType.Bytes((Info{Shape: t.Shape}).Elements()) // layout has checked it
		src := t.From
		if src == nil {
			src = bytes.NewReader(t.Data)
		}
		if n, err := io.CopyN(w, src, size); err != nil {
			return fmt.Errorf("tensor %q: %d of %d bytes: %w", t.Name, n, size, err)
		}
	}
	return nil
}

// replaceFile writes a file that is whole, and on disk, or as it was.
func replaceFile(path string, fill func(io.Writer) error) error {
	if err := atomicfile.Fill(path, 0o644, fill); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
