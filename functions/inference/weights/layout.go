package weights

import (
	"fmt"
	"slices"
)

// checkLayout holds the tensors to what reading them needs: no overlap, nothing beyond the file's end. Bytes that belong to
// no tensor, between two or behind the last, are noted.
func (h *header) checkLayout(path string, dataStart, dataSize int64) error {
	order := make([]Info, 0, len(h.tensors))
	for _, i := range h.tensors {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b Info) int {
		switch {
		case a.Offset != b.Offset && a.Offset < b.Offset || a.Offset == b.Offset && a.Size < b.Size:
			return -1
		case a.Offset == b.Offset && a.Size == b.Size:
			return 0
		}
		return 1
	})
	at := dataStart
	for _, i := range order {
		if i.Offset < at {
			return &FormatError{File: path, Tensor: i.Name, Reason: "overlaps the tensor before it"}
		}
		if i.Offset > at {
			h.note("%d bytes before tensor %q belong to no tensor", i.Offset-at, i.Name)
		}
		if at = i.Offset + i.Size; at < i.Offset {
			return &FormatError{File: path, Tensor: i.Name, Reason: "offsets overflow"}
		}
	}
	if rest := dataStart + dataSize - at; rest > 0 {
		h.note("%d bytes follow the last tensor", rest)
	} else if rest < 0 {
		return &FormatError{File: path, Reason: fmt.Sprintf(
			"the header promises %d bytes of tensors, the file has %d: it is truncated or damaged", at-dataStart, dataSize)}
	}
	return nil
}
