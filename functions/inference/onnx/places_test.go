package onnx

import (
	"strings"
	"testing"
)

func TestPlacesOfWeights(t *testing.T) {
	at := func(name, file string, offset, floats int64) Tensor {
		return Tensor{Name: name, Type: Float32, Dims: []int64{floats}, External: &External{Location: file, Offset: offset, Length: 4 * floats}}
	}
	for _, c := range []struct {
		weights []Tensor
		want    string // "" for none
	}{
		{[]Tensor{at("b", "w", 4096, 8), at("a", "w", 0, 1024)}, ""},
		{[]Tensor{at("a", "w", 0, 1025), at("b", "v", 4096, 8)}, ""},
		{[]Tensor{at("a", "w", 4096, 8), at("tied", "w", 4096, 8)}, ""},
		{[]Tensor{at("a", "w", 0, 2048), at("none", "w", 4096, 0)}, ""},
		{[]Tensor{{Name: "inline", Type: Float32, Dims: []int64{1}, Raw: make([]byte, 4)}}, ""},
		{[]Tensor{at("a", "w", 4097, 8)}, "weight a begins at byte 4097 of w, which is no multiple of 4096"},
		{[]Tensor{at("b", "w", 4096, 8), at("a", "w", 0, 1025)}, "weights a and b overlap in w, at byte 4096"},
		{[]Tensor{at("a", "w", 4096, 8), at("b", "w", 4096, 9)}, "weights a and b overlap in w, at byte 4096"},
		{[]Tensor{at("a", "w", 0, 5000), at("c", "v", 0, 1), at("b", "w", 0, 5000), at("d", "w", 16384, 1)}, "overlap in w, at byte 16384"},
	} {
		err := (&Model{Graph: Graph{Initializers: c.weights}}).CheckPlaces()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: want %q, got %v", c.weights, c.want, err)
		}
	}
}
