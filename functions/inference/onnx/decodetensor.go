package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// decode reads a TensorProto and brings its content, however it was written, into raw form.
func (t *Tensor) decode(b []byte) error {
	var floats []float32
	var ints []int64
	var entries []Entry
	external, hasRaw := false, false
	err := fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			t.Dims, err = f.ints(t.Dims)
		case 2:
			t.Type = DType(f.int())
		case 4:
			floats, err = f.floats(floats)
		case 5, 7:
			ints, err = f.ints(ints)
		case 8:
			t.Name = f.string()
		case 9:
			t.Raw, hasRaw = f.bytes, true
		case 13:
			var e Entry
			err = e.decode(f.bytes)
			entries = append(entries, e)
		case 14:
			external = f.int() == 1
		case 3, 6, 10, 11:
			err = fmt.Errorf("content as segments, strings, doubles or uint64 is not supported")
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.finish(floats, ints, entries, external, hasRaw)
}

func (t *Tensor) finish(floats []float32, ints []int64, entries []Entry, external, hasRaw bool) error {
	if _, ok := bits[t.Type]; !ok {
		return fmt.Errorf("tensor %q has element type %d, which this reader does not know", t.Name, t.Type)
	}
	n, err := checkedElements(t.Dims)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if external {
		return t.setExternal(entries)
	}
	if !hasRaw {
		if t.Raw, err = pack(t.Type, floats, ints); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	if want := t.Type.Size(n); int64(len(t.Raw)) != want {
		return fmt.Errorf("tensor %q holds %d bytes, its shape %v needs %d", t.Name, len(t.Raw), t.Dims, want)
	}
	return nil
}

func (t *Tensor) setExternal(entries []Entry) (err error) {
	x := &External{Length: t.Bytes()}
	for _, e := range entries {
		switch e.Key {
		case "location":
			x.Location = e.Value
		case "offset":
			x.Offset, err = strconv.ParseInt(e.Value, 10, 64)
		case "length":
			x.Length, err = strconv.ParseInt(e.Value, 10, 64)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: external %s: %w", t.Name, e.Key, err)
		}
	}
	if x.Location == "" || x.Offset < 0 || x.Length != t.Bytes() || x.Offset > math.MaxInt64-x.Length {
		return fmt.Errorf("tensor %q: external data %+v does not fit its shape %v", t.Name, *x, t.Dims)
	}
	t.External, t.Raw = x, nil
	return nil
}

// checkedElements refuses negative dimensions and products that no file could hold.
func checkedElements(dims []int64) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 || (d > 0 && n > math.MaxInt64/64/d) {
			return 0, fmt.Errorf("impossible shape %v", dims)
		}
		n *= d
	}
	return n, nil
}

// pack turns the typed fields float_data, int32_data and int64_data into raw bytes.
func pack(t DType, floats []float32, ints []int64) (b []byte, err error) {
	for _, f := range floats {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	for _, i := range ints {
		switch bits[t] {
		case 64:
			b = binary.LittleEndian.AppendUint64(b, uint64(i))
		case 32:
			b = binary.LittleEndian.AppendUint32(b, uint32(i))
		case 16:
			b = binary.LittleEndian.AppendUint16(b, uint16(i))
		default:
			b = append(b, byte(i))
		}
	}
	if len(floats) > 0 && (t != Float32 || len(ints) > 0) {
		return nil, fmt.Errorf("float content in a tensor of type %d", t)
	}
	return b, nil
}
