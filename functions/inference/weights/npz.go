package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Array is one of an npz file's: values in row-major order, as float32.
type Array struct {
	Shape  []int64
	Values []float32
}

// npyHead is what numpy writes before the values; a dictionary in Python's notation.
var npyHead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`'descr':\s*'([<|=>])([fiu])(\d)',\s*'fortran_order':\s*(False|True),\s*'shape':\s*\(([0-9, ]*)\)`)
})

// maxArray bounds an array, in bytes: tables of embeddings have a few million.
const maxArray = 1 << 30

// ReadNPZ reads every array of an npz file, which holds numbers and nothing that could run. Floating-point arrays in the
// machine's byte order and in row-major order are understood.
func ReadNPZ(path string) (map[string]Array, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, &FormatError{File: path, Reason: fmt.Sprintf("no npz file: %v", err)}
	}
	defer z.Close()
	all := map[string]Array{}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		a, err := readNPY(f)
		if err != nil {
			return nil, &FormatError{File: path, Tensor: name, Reason: err.Error()}
		}
		all[name] = a
	}
	return all, nil
}

func readNPY(f *zip.File) (a Array, err error) {
	if f.UncompressedSize64 > maxArray {
		return a, fmt.Errorf("has %d bytes, %d at most", f.UncompressedSize64, maxArray)
	}
	r, err := f.Open()
	if err != nil {
		return a, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxArray))
	if err != nil {
		return a, err
	}
	if len(raw) < 12 || string(raw[:6]) != "\x93NUMPY" {
		return a, fmt.Errorf("is no array of numpy's")
	}
	start, size := 10, int(binary.LittleEndian.Uint16(raw[8:]))
	if raw[6] > 1 {
		start, size = 12, int(binary.LittleEndian.Uint32(raw[8:]))
	}
	if len(raw) < start+size {
		return a, fmt.Errorf("is cut off")
	}
	m := npyHead().FindStringSubmatch(string(raw[start : start+size]))
	if m == nil || m[1] == ">" || m[2] != "f" || m[4] != "False" {
		return a, fmt.Errorf("is none of floating-point numbers in row-major order: save it with astype('float32')")
	}
	n := int64(1)
	for _, part := range strings.FieldsFunc(m[5], func(c rune) bool { return c == ',' || c == ' ' }) {
		d, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return a, err
		}
		a.Shape, n = append(a.Shape, d), n*d
	}
	dtype := map[string]DType{"2": F16, "4": F32, "8": F64}[m[3]]
	body := raw[start+size:]
	if dtype == "" || int64(len(body)) != n*dtype.Bits()/8 {
		return a, fmt.Errorf("has %d bytes for the shape %v of f%s", len(body), a.Shape, m[3])
	}
	a.Values = Decode(dtype, body)
	return a, nil
}
