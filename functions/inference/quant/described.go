package quant

import "github.com/videosdgx/videosdgx/functions/inference/onnx"

// Described is the weight that the attributes of a node say, without its parts.
func Described(attrs []onnx.Attr) *Tensor {
	t := &Tensor{}
	for _, a := range attrs {
		switch a.Name {
		case "format":
			t.Format = Format(a.S)
			t.HighFirst = t.HighFirst || t.Format == NF4
		case "in_features":
			t.K = int(a.I)
		case "out_features":
			t.N = int(a.I)
		case "block":
			t.Block = int(a.I)
		case "offset":
			t.Offset = a.F
		}
	}
	for _, a := range attrs {
		if a.Name == "high_first" {
			t.HighFirst = a.I != 0
		}
	}
	return t
}

// SetPart gives t a part, by the suffix that it has in a bundle; coded says of ".scales" that they are codes.
func (t *Tensor) SetPart(suffix string, coded bool, data []byte) {
	switch suffix {
	case ".codes":
		t.Codes = data
	case ".scales":
		if coded {
			t.ScaleCodes = data
			return
		}
		t.Scales = floatsOf(data)
	case ".scales2":
		t.Scales2 = floatsOf(data)
	case ".table":
		t.Table = floatsOf(data)
	case ".zero_points":
		t.ZeroPoints = data
	}
}

// Suffixes name the parts of a weight in the order of the operator's inputs after x.
func Suffixes() []string { return append([]string(nil), suffixes...) }
