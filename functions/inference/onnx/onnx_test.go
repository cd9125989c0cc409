package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// sample has every kind of field that the format writes.
func sample(t testing.TB) *Model {
	t.Helper()
	b := NewBuilder("sample")
	x := b.Input("x", Float32, "batch", 3)
	b.Scoped("inner", func() {
		x = b.Add(b.Mul(x, b.Floats("scale", []int64{3}, []float32{1, 2, 3})), b.Float(float32(math.Inf(1))))
		x = b.Op("Clip", []Value{x, "", b.Float(4)})
		x = b.Split(b.Reshape(x, b.Ints(0, -1)), 1, 3)[2]
	})
	b.Output("y", b.Gelu(x, true), Float32, "batch", 1)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Metadata = []Entry{{"key", "value"}}
	m.Graph.Values = []ValueInfo{{Name: "v", Type: Int64, Unranked: true}, {Name: "scalar", Type: Float32}}
	m.Graph.Initializers = append(m.Graph.Initializers,
		Tensor{Name: "far", Type: BFloat16, Dims: []int64{2, 5}, External: &External{Location: "w.bin", Offset: 4096, Length: 20}})
	m.Graph.Nodes = append(m.Graph.Nodes, Node{Name: "all", Op: "Made", Domain: "up", Attrs: []Attr{
		{Name: "i", Kind: AttrInt, I: -7}, {Name: "f", Kind: AttrFloat, F: 0.5}, {Name: "zero", Kind: AttrFloat}, Str("s", "é"),
		{Name: "fs", Kind: AttrFloats, Floats: []float32{1, -2}}, Ints("is", -1, 1<<40), {Name: "ss", Kind: AttrStrings, Strings: []string{"a", "b"}},
		{Name: "t", Kind: AttrTensor, T: &Tensor{Type: Bool, Dims: []int64{1}, Raw: []byte{1}}},
		{Name: "g", Kind: AttrGraph, G: &Graph{Name: "sub", Outputs: []ValueInfo{{Name: "o", Type: Bool, Dims: Dims(2)}}}},
	}})
	return m
}

func encoded(t testing.TB, m *Model) []byte {
	t.Helper()
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	m := sample(t)
	got, err := Decode(encoded(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got, cmp.Comparer(bytes.Equal)); d != "" {
		t.Error(d)
	}
}

func TestEveryTruncationIsToldOrHarmless(t *testing.T) {
	raw := encoded(t, sample(t))
	for n := range raw {
		if m, err := Decode(raw[:n]); err == nil {
			encoded(t, m)
		} else if !errdefs.IsInvalidArgument(err) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestTypedContentBecomesRaw(t *testing.T) {
	tensor := func(dtype DType, n int64, field protowire.Number, packed []byte) []byte {
		b := putInt(putBytes(nil, 1, packInts([]int64{n})), 2, int64(dtype))
		return putBytes(b, field, packed)
	}
	for name, c := range map[string]struct {
		in   []byte
		want []byte
	}{
		"float_data": {tensor(Float32, 2, 4, packFloats([]float32{1, -2})), packFloats([]float32{1, -2})},
		"int64_data": {tensor(Int64, 2, 7, packInts([]int64{3, -1})), binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 3), math.MaxUint64)},
		"int32_data": {tensor(Int32, 1, 5, packInts([]int64{-2})), []byte{0xfe, 0xff, 0xff, 0xff}},
		"half":       {tensor(Float16, 1, 5, packInts([]int64{0x3c00})), []byte{0, 0x3c}},
		"bool":       {tensor(Bool, 2, 5, packInts([]int64{1, 0})), []byte{1, 0}},
	} {
		var got Tensor
		if err := got.decode(c.in); err != nil || !bytes.Equal(got.Raw, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got.Raw, err, c.want)
		}
	}
}

func TestImpossibleTensorsAreRefused(t *testing.T) {
	for why, x := range map[string]Tensor{
		"holds 3 bytes, its shape [1] needs 4":                       {Type: Float32, Dims: []int64{1}, Raw: []byte{1, 2, 3}},
		"impossible shape [-1]":                                      {Type: Float32, Dims: []int64{-1}, External: &External{Location: "w"}},
		"impossible shape [4611686018427387904 4611686018427387904]": {Type: Float32, Dims: []int64{1 << 62, 1 << 62}, External: &External{Location: "w"}},
		"does not fit its shape":                                     {Type: Float32, Dims: []int64{2}, External: &External{Location: "w", Length: 4}},
		"element type 99":                                            {Type: 99, External: &External{Location: "w"}},
	} {
		raw, err := x.encode()
		if err == nil {
			err = new(Tensor).decode(raw)
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q, got %v", why, err)
		}
	}
}

func TestDataFileLiesOnPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.bin")
	d, err := ResumeData(path, path+".journal")
	if err != nil {
		t.Fatal(err)
	}
	loads := 0
	weight := func(name string, n int64) *Tensor {
		return &Tensor{Name: name, Type: Uint8, Dims: []int64{n}, Content: func(w io.Writer) error {
			loads++
			_, err := w.Write(bytes.Repeat([]byte{byte(n)}, int(n)))
			return err
		}}
	}
	a, b, again := weight("a", 5000), weight("b", 3), weight("a", 5000)
	for _, x := range []*Tensor{a, b, again} {
		if err := d.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Add(weight("a", 7)); err == nil {
		t.Error("another weight of the same name was taken for the same")
	}
	broken := errors.New("broken disk")
	if err := d.Add(&Tensor{Name: "c", Type: Uint8, Content: func(io.Writer) error { return broken }}); !errors.Is(err, broken) {
		t.Errorf("a weight that cannot be loaded: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if *a.External != *again.External || loads != 2 {
		t.Errorf("a lies at %v and at %v, loaded %d times", a.External, again.External, loads)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if x := b.External; x.Offset != 8192 || !bytes.Equal(raw[x.Offset:x.Offset+x.Length], []byte{3, 3, 3}) || len(raw) != 12288 {
		t.Errorf("b lies at %+v in a file of %d bytes", x, len(raw))
	}
}

func TestMistakesOfABuilderComeTogether(t *testing.T) {
	b := NewBuilder("wrong")
	b.Fail(errors.New("first"))
	b.Fail(errors.New("second"))
	if _, err := b.Model(); err == nil || !strings.HasSuffix(err.Error(), "first; second") {
		t.Errorf("got %v", err)
	}
	for range 40 {
		b.Fail(errdefs.ErrNotFound)
	}
	if _, err := b.Model(); !errdefs.IsNotFound(err) || !strings.HasSuffix(err.Error(), "first; second; not found (and 39 more like them)") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	raw := encoded(f, sample(f))
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	for _, at := range []int{3, 40, len(raw) / 3, len(raw) - 9} {
		flipped := bytes.Clone(raw)
		flipped[at] ^= 0x55
		f.Add(flipped)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Decode(raw)
		if err != nil {
			return
		}
		once, err := m.Encode()
		if err != nil {
			t.Fatalf("read but cannot be written: %v", err)
		}
		m, err = Decode(once)
		if err != nil {
			t.Fatalf("written but cannot be read: %v", err)
		}
		if twice, err := m.Encode(); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("the second writing differs (%v)", err)
		}
	})
}
