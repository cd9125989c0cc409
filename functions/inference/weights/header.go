package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
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
}

// parseHeader reads the JSON part of the file at path; dataSize is the number of bytes that follow it, dataStart where
// they begin.
func parseHeader(path string, raw []byte, dataStart, dataSize int64) (*header, error) {
	if len(raw) == 0 || raw[0] != '{' || !utf8.Valid(raw) {
		return nil, &FormatError{File: path, Reason: "not a safetensors file: its header is not a JSON object"}
	}
	h := &header{tensors: map[string]Info{}, metadata: map[string]string{}}
	if err := h.decode(path, raw, dataStart); err != nil {
		return nil, err
	}
	return h, h.checkLayout(path, dataStart, dataSize)
}

func (h *header) decode(path string, raw []byte, dataStart int64) error {
	bad := func(err error) error {
		return &FormatError{File: path, Reason: fmt.Sprintf("the header is not valid JSON: %v", err)}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return bad(err)
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return bad(err)
		}
		name := token.(string) // a key of an object is a string
		if seen[name] {
			return &FormatError{File: path, Tensor: name, Reason: "the name occurs twice in the header"}
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return bad(err)
		}
		if err := h.entry(path, name, value, dataStart); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return bad(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return &FormatError{File: path, Reason: "something follows the header's JSON object"}
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
	var e struct {
		DType   DType    `json:"dtype"`
		Shape   *[]int64 `json:"shape"`
		Offsets []int64  `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw, &e); err != nil || e.Shape == nil || len(e.Offsets) != 2 {
		return &FormatError{File: path, Tensor: name, Reason: "needs dtype, shape and two data_offsets"}
	}
	info := Info{Name: name, DType: e.DType, Shape: *e.Shape, File: path}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || end < begin {
		return &FormatError{File: path, Tensor: name, Reason: fmt.Sprintf("data_offsets [%d, %d] run backwards", begin, end)}
	}
	info.Offset, info.Size = dataStart+begin, end-begin
	h.tensors[name] = info
	return checkSize(path, info)
}

// checkSize compares shape × dtype with the bytes that the offsets give.
func checkSize(path string, i Info) error {
	if i.DType.Bits() == 0 {
		return &FormatError{File: path, Tensor: i.Name, Reason: fmt.Sprintf("unknown dtype %q", i.DType)}
	}
	n := int64(1)
	for _, d := range i.Shape {
		if d < 0 || d > 0 && n > (1<<56)/d {
			return &FormatError{File: path, Tensor: i.Name, Reason: fmt.Sprintf("impossible shape %v", i.Shape)}
		}
		n *= d
	}
	if want, ok := i.DType.Bytes(n); !ok || want != i.Size {
		return &FormatError{File: path, Tensor: i.Name,
			Reason: fmt.Sprintf("shape %v of %s takes %d bytes, its offsets give %d", i.Shape, i.DType, want, i.Size)}
	}
	return nil
}

// checkLayout holds the tensors to the format's rule: one after the other, no overlap, no hole, nothing left over.
func (h *header) checkLayout(path string, dataStart, dataSize int64) error {
	order := make([]Info, 0, len(h.tensors))
	for _, i := range h.tensors {
		order = append(order, i)
	}
	sort.Slice(order, func(a, b int) bool {
		if order[a].Offset != order[b].Offset {
			return order[a].Offset < order[b].Offset
		}
		return order[a].Size < order[b].Size
	})
	at := dataStart
	for _, i := range order {
		if i.Offset < at {
			return &FormatError{File: path, Tensor: i.Name, Reason: "overlaps the tensor before it"}
		}
		if i.Offset > at {
			return &FormatError{File: path, Tensor: i.Name, Reason: fmt.Sprintf("%d bytes before it belong to no tensor", i.Offset-at)}
		}
		at += i.Size
		if at < i.Offset {
			return &FormatError{File: path, Tensor: i.Name, Reason: "offsets overflow"}
		}
	}
	if at != dataStart+dataSize {
		return &FormatError{File: path, Reason: fmt.Sprintf(
			"the header promises %d bytes of tensors, the file has %d: it is truncated or damaged", at-dataStart, dataSize)}
	}
	return nil
}
