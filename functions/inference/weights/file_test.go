package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
)

func TestWriteOpenEveryType(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	want := map[DType][]float32{Bool: {0, 1}, U8: {0, 255}, I8: {-128, 127}, U16: {0, 65535}, I16: {-32768, 5}, U32: {7, 1 << 20},
		I32: {-7, 1 << 20}, U64: {9, 1 << 40}, I64: {-9, 1 << 40}, F4: {-6, 0.5}, F8E4M3: {448, -0.5}, F8E5M2: {57344, 0.25},
		F8E8M0: {1, 4}, F16: {1.5, -2}, BF16: {1.5, -2}, F32: {math.Pi, -1}, F64: {0.5, -1e10}}
	raws := map[DType][]byte{Bool: {0, 1}, U8: {0, 255}, I8: {128, 127}, U16: {0, 0, 255, 255}, I16: {0, 128, 5, 0},
		U32: {7, 0, 0, 0, 0, 0, 16, 0}, I32: {249, 255, 255, 255, 0, 0, 16, 0}, F4: {0x1f}, F8E8M0: {127, 129},
		U64: binary.LittleEndian.AppendUint64([]byte{9, 0, 0, 0, 0, 0, 0, 0}, 1<<40),
		I64: binary.LittleEndian.AppendUint64(bytes.Repeat([]byte{255}, 0), ^uint64(8))}
	raws[I64] = binary.LittleEndian.AppendUint64(raws[I64], 1<<40)
	var tensors []Tensor
	for d, values := range want {
		raw := raws[d]
		if raw == nil {
			raw, _ = Encode(d, values)
		}
		tensors = append(tensors, Tensor{Name: "t." + string(d), DType: d, Shape: []int64{2, 1}, Data: raw})
	}
	tensors = append(tensors, Tensor{Name: "scalar", DType: F32, Data: make([]byte, 4)}, Tensor{Name: "none", DType: F32, Shape: []int64{0, 4}})
	if err := Write(path, tensors, map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d, values := range want {
		got, err := f.Float32("t." + string(d))
		if diff := cmp.Diff(values, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", d, err, diff)
		}
	}
	if got, err := f.Float32("scalar"); err != nil || len(got) != 1 {
		t.Errorf("a scalar is %v, %v", got, err)
	}
	if got, err := f.Float32("none"); err != nil || len(got) != 0 {
		t.Errorf("an empty tensor is %v, %v", got, err)
	}
	if _, err := f.Info("absent"); !errdefs.IsNotFound(err) {
		t.Errorf("an absent tensor gives %v", err)
	}
	if f.Metadata()["k"] != "v" || len(f.Names()) != len(tensors) {
		t.Errorf("metadata %v, names %v", f.Metadata(), f.Names())
	}
}

func TestFloat32InPieces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.safetensors")
	values := make([]float32, pieceBytes/4*2+3)
	for i := range values {
		values[i] = float32(i)
	}
	if err := Write(path, []Tensor{Float32Tensor("x", []int64{int64(len(values))}, values)}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Float32("x")
	if err != nil || cmp.Diff(values, got) != "" {
		t.Errorf("a tensor of several pieces comes back changed (%v)", err)
	}
}

func raw(head string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), make([]byte, data)...)
}

func TestDamagedFilesAreNamed(t *testing.T) {
	one := `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	for why, content := range map[string][]byte{
		"too few":            {1, 2},
		"truncated or no":    raw(one, 0)[:20],
		"promises 8 bytes":   raw(one, 7),
		"not a JSON object":  raw(`[]`, 0),
		"not valid JSON":     raw(`{"a":`, 0),
		"after top-level":    raw(one+`{}`, 8),
		"occurs twice":       raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2),
		"overlaps":           raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3),
		"run backwards":      raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[2,1]}}`, 2),
		"takes 4 bytes":      raw(`{"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,3]}}`, 3),
		"impossible shape":   raw(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1),
		"needs dtype":        raw(`{"a":{"dtype":"U8","shape":[1]}}`, 1),
		"a map of strings":   raw(`{"__metadata__":{"a":1}}`, 0),
		"header should have": append(bytes.Repeat([]byte{255}, 8), make([]byte, 100)...),
	} {
		path := filepath.Join(t.TempDir(), "broken.safetensors")
		os.WriteFile(path, content, 0o600)
		_, err := Open(path)
		var format *FormatError
		if !errors.As(err, &format) || !errdefs.IsDataLoss(err) || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
			t.Errorf("want %q naming %s, got %v", why, path, err)
		}
	}
}

func TestWhatIsNotUsedIsNotedAndHarmsNothing(t *testing.T) {
	head := `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}, "b\u0041" : {"dtype":"Q7","shape":[3,1],"data_offsets":[2,4]}}`
	path := filepath.Join(t.TempDir(), "odd.safetensors")
	os.WriteFile(path, raw(head, 6), 0o600)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := []string{`tensor "bA" has the unknown type "Q7": nothing here can read it`, `1 bytes before tensor "a" belong to no tensor`, "2 bytes follow the last tensor"}
	if diff := cmp.Diff(want, f.Notes()); diff != "" {
		t.Error(diff)
	}
	if got, err := f.Float32("a"); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := f.Float32("bA"); !errdefs.IsDataLoss(err) || !strings.Contains(err.Error(), `unknown type "Q7"`) {
		t.Errorf("got %v", err)
	}
}

func TestHeadersOfManyTensors(t *testing.T) {
	list := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"t%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i)
		}
		return raw("{"+b.String()[1:]+"}", 0)
	}
	many := list(300_000)
	h, err := readHeaderAt("f", bytes.NewReader(many), int64(len(many)))
	if err != nil || len(h.tensors) != 300_000 {
		t.Errorf("%v", err)
	}
	many = list(maxTensors + 1)
	if _, err := readHeaderAt("f", bytes.NewReader(many), int64(len(many))); err == nil || !strings.Contains(err.Error(), "at most are read") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkHeader(b *testing.B) {
	var s strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&s, `,"model.layers.%d.weight":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, i, i, i+1)
	}
	many := raw("{"+s.String()[1:]+"}", 300_000)
	for b.Loop() {
		if _, err := readHeaderAt("f", bytes.NewReader(many), int64(len(many))); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWriteRefusesWrongData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	ok := Tensor{Name: "a", DType: U8, Shape: []int64{1}, Data: []byte{1}}
	for _, tensors := range [][]Tensor{{{Name: "a", DType: U8, Shape: []int64{2}, Data: []byte{1}}}, {ok, ok},
		{{Name: "a", DType: U8, Shape: []int64{2}, From: strings.NewReader("1")}}} {
		if err := Write(path, tensors, nil); err == nil {
			t.Errorf("%v was written", tensors)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("a failed write leaves %v", left)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"x":"y"}}`, 8))
	f.Add(raw(`{"a":{"dtype":"F4","shape":[4611686018427387904,4],"data_offsets":[0,8]}}`, 8))
	f.Add(raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}}`, 1))
	f.Add([]byte("{}"))
	f.Add(raw(` { "a\\"\u0062" : [ {"x":"}"}, 1.5e3 ], "b":null }`, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := readHeaderAt("f", bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		total := int64(0)
		for _, i := range h.tensors {
			if i.Offset < 8 || i.Offset+i.Size > int64(len(content)) {
				t.Fatalf("%+v lies outside the file", i)
			}
			if i.DType.Bits() == 0 {
				continue
			}
			if n := i.Size * 8 / int64(i.DType.Bits()); n != i.Elements() {
				t.Fatalf("%+v has %d elements", i, n)
			}
			decodeInto(i.DType, content[i.Offset:i.Offset+i.Size], make([]float32, i.Elements()))
			total += i.Size
		}
		if total > int64(len(content)) {
			t.Fatal("tensors overlap")
		}
	})
}
