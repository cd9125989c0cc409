package weights

import (
	"math"
	"testing"
)

func TestHalfRoundTrip(t *testing.T) {
	for c := 0; c < 1<<16; c++ {
		v := halfToFloat(uint16(c))
		if v != v {
			if floatToHalf(v)&0x7c00 != 0x7c00 {
				t.Fatalf("NaN %#x is written as a number", c)
			}
			continue
		}
		if got := floatToHalf(v); got != uint16(c) {
			t.Fatalf("half %#x = %g is written as %#x", c, v, got)
		}
	}
	for v, want := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, 1 + 1.0/2048: 0x3c00, 1 + 3.0/2048: 0x3c02} {
		if got := floatToHalf(v); got != want {
			t.Errorf("%g is written as %#x, want %#x", v, got, want)
		}
	}
}

func TestSmallFloatTables(t *testing.T) {
	for code, want := range map[byte]float32{0: 0, 1: 1.0 / 512, 0x38: 1, 0x7e: 448, 0xfe: -448} {
		if e4m3[code] != want {
			t.Errorf("E4M3 %#x = %g, want %g", code, e4m3[code], want)
		}
	}
	for code, want := range map[byte]float32{1: 1.0 / 65536, 0x3c: 1, 0x7b: 57344, 0x7c: float32(math.Inf(1)), 0xfc: float32(math.Inf(-1))} {
		if e5m2[code] != want {
			t.Errorf("E5M2 %#x = %g, want %g", code, e5m2[code], want)
		}
	}
	if e4m3[127] == e4m3[127] || e5m2[126] == e5m2[126] || e8m0[127] != 1 || e8m0[255] == e8m0[255] {
		t.Error("wrong NaNs or E8M0")
	}
}

func TestEncodeIsNearestEven(t *testing.T) {
	for _, f := range []struct {
		d     DType
		table *[256]float32
		top   int
	}{{F8E4M3, &e4m3, 126}, {F8E5M2, &e5m2, 123}} {
		for c := 0; c < f.top; c++ {
			mid := (f.table[c] + f.table[c+1]) / 2
			even := byte(c + c&1)
			for v, want := range map[float32]byte{f.table[c]: byte(c), mid: even, -mid: even | 128, 1e9: byte(f.top)} {
				raw, err := Encode(f.d, []float32{v})
				if err != nil || v != 0 && raw[0] != want {
					t.Fatalf("%s: %g is code %#x, want %#x (%v)", f.d, v, raw[0], want, err)
				}
			}
		}
	}
	raw, _ := Encode(BF16, []float32{1 + 1.0/256, 1 + 3.0/256})
	got := make([]float32, 2)
	if decodeInto(BF16, raw, got); got[0] != 1 || got[1] != 1+1.0/64 {
		t.Errorf("BF16 rounds to %v", got)
	}
}
