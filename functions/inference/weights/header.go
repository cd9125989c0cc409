package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxHeader is the format's own limit on the JSON header, in bytes.
const maxHeader = 100_000_000

// Info describes one tensor.
type Info struct {
	Name   string
	DType  DType
	Shape  []int64
	File   string // path of the file that holds it
	Offset int64  // of the first byte, from the start of the file
	Size   int64  // bytes
}

// Elements is the number of elements.
func (i Info) Elements() int64 {
	n := int64(1)
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

type header struct {
	tensors  map[string]Info
	metadata map[string]string
	notes    []string // what is odd and does no harm unless it is used
}

// maxTensors bounds what a header may list: ten times what the largest published checkpoints have in all their files.
const maxTensors = 1 << 20

// parseHeader reads the JSON part of the file at path; dataSize is the number of bytes that follow it, dataStart where
// they begin.
func parseHeader(path string, raw []byte, dataStart, dataSize int64) (*header, error) {
	if len(raw) == 0 || raw[0] != '{' || !utf8.Valid(raw) {
		return nil, &FormatError{File: path, Reason: "not a safetensors file: its header is not a JSON object"}
	}
	n := bytes.Count(raw, []byte(`"data_offsets"`))
	if n > maxTensors {
		return nil, &FormatError{File: path, Reason: fmt.Sprintf("the header lists %d tensors, %d at most are read", n, maxTensors)}
	}
	h := &header{tensors: make(map[string]Info, n), metadata: map[string]string{}}
	if err := h.decode(path, raw, dataStart); err != nil {
		return nil, err
	}
	return h, h.checkLayout(path, dataStart, dataSize)
}

// decode walks the members of the header's object. encoding/json's Decoder would do, at three times the time.
func (h *header) decode(path string, raw []byte, dataStart int64) error {
	if err := json.Unmarshal(raw, new(skipped)); err != nil {
		return &FormatError{File: path, Reason: fmt.Sprintf("the header is not valid JSON: %v", err)}
	}
	m := members{raw: raw, at: 1}
	for m.next() {
		name, err := m.name()
		if err != nil {
			return &FormatError{File: path, Reason: fmt.Sprintf("the header is not valid JSON: %v", err)}
		}
		if err := h.entry(path, name, m.value, dataStart); err != nil {
			return err
		}
	}
	return nil
}

func (h *header) entry(path, name string, raw json.RawMessage, dataStart int64) error {
	if name == "__metadata__" {
		if err := json.Unmarshal(raw, &h.metadata); err != nil {
			return &FormatError{File: path, Reason: "__metadata__ is not a map of strings"}
		}
		return nil
	}
	if _, again := h.tensors[name]; again {
		return &FormatError{File: path, Tensor: name, Reason: "the name occurs twice in the header"}
	}
	e, ok := describe(raw)
	if !ok || e.shape == nil || len(e.offsets) != 2 {
		return &FormatError{File: path, Tensor: name, Reason: "needs dtype, shape and two data_offsets"}
	}
	info := Info{Name: name, DType: e.dtype, Shape: e.shape, File: path}
	begin, end := e.offsets[0], e.offsets[1]
	if begin < 0 || end < begin {
		return &FormatError{File: path, Tensor: name, Reason: fmt.Sprintf("data_offsets [%d, %d] run backwards", begin, end)}
	}
	info.Offset, info.Size = dataStart+begin, end-begin
	h.tensors[name] = info
	return h.checkSize(path, info)
}

// checkSize compares shape × dtype with the bytes that the offsets give. A type that is not known here is only noted: the
// tensor may be one that nobody reads.
func (h *header) checkSize(path string, i Info) error {
	n := int64(1)
	for _, d := range i.Shape {
		if d < 0 || d > 0 && n > (1<<56)/d {
			return &FormatError{File: path, Tensor: i.Name, Reason: fmt.Sprintf("impossible shape %v", i.Shape)}
		}
		n *= d
	}
	if i.DType.Bits() == 0 {
		h.note("tensor %q has the unknown type %q: nothing here can read it", i.Name, i.DType)
		return nil
	}
	if want, ok := i.DType.Bytes(n); !ok || want != i.Size {
		return &FormatError{File: path, Tensor: i.Name,
			Reason: fmt.Sprintf("shape %v of %s takes %d bytes, its offsets give %d", i.Shape, i.DType, want, i.Size)}
	}
	return nil
}

// maxNotes is how many are worth reading.
const maxNotes = 20

func (h *header) note(format string, args ...any) {
	switch {
	case len(h.notes) < maxNotes:
		h.notes = append(h.notes, fmt.Sprintf(format, args...))
	case len(h.notes) == maxNotes:
		h.notes = append(h.notes, "and more of the kind")
	}
}
