package weights

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// description is what a header says of one tensor.
type description struct {
	dtype   DType
	shape   []int64 // nil where it is missing
	offsets []int64
}

// describe reads a description from valid JSON. encoding/json takes four times as long, which counts where there are hundreds of
// thousands.
func describe(raw json.RawMessage) (d description, ok bool) {
	if raw[0] != '{' {
		return d, false
	}
	m := members{raw: raw, at: 1}
	for ok = true; ok && m.next(); {
		switch string(m.key) {
		case `"dtype"`:
			if ok = m.value[0] == '"'; ok && bytes.IndexByte(m.value, '\\') < 0 {
				d.dtype = DType(m.value[1 : len(m.value)-1])
			} else if ok {
				ok = json.Unmarshal(m.value, &d.dtype) == nil
			}
		case `"shape"`:
			d.shape, ok = integers(m.value)
		case `"data_offsets"`:
			d.offsets, ok = integers(m.value)
		}
	}
	return d, ok
}

// integers reads a list of whole numbers, which is never nil.
func integers(raw []byte) ([]int64, bool) {
	if raw[0] != '[' {
		return nil, false
	}
	list := make([]int64, 0, 4)
	inner := bytes.TrimSpace(raw[1 : len(raw)-1])
	for len(inner) > 0 {
		word, rest, _ := bytes.Cut(inner, []byte{','})
		n, err := strconv.ParseInt(string(bytes.TrimSpace(word)), 10, 64)
		if err != nil {
			return nil, false
		}
		list, inner = append(list, n), rest
	}
	return list, true
}
