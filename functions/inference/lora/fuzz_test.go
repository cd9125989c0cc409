package lora

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// base is a component of two small layers.
func base(tb testing.TB) *weights.File {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "base.safetensors")
	all := []weights.Tensor{
		weights.Float32Tensor("blocks.0.attn1.to_q.weight", []int64{2, 3}, []float32{1, 2, 3, 4, 5, 6}),
		weights.Float32Tensor("blocks.0.attn1.to_q.bias", []int64{2}, []float32{1, 2}),
		weights.Float32Tensor("table", []int64{1, 2}, []float32{1, 2}),
	}
	err := weights.Write(path, all, nil)
	f, openErr := weights.Open(path)
	if err = errors.Join(err, openErr); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

// FuzzLoRA takes a file of any header and adapter_config.json through to merged weights: they are numbers, or a sentence says why not.
func FuzzLoRA(f *testing.F) {
	const factors = `"blocks.0.attn1.to_q.lora_A.weight":{"dtype":"F32","shape":[1,3],"data_offsets":[0,12]},"blocks.0.attn1.to_q.lora_B.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[12,20]}`
	f.Add(`{`+factors+`}`, []byte(strings.Repeat("\x00\x00\x80\x3f", 5)), `{"lora_alpha":8,"alpha_pattern":{"to_q":2},"use_rslora":true}`, 1.0)
	f.Add(`{"__metadata__":{"lora_adapter_metadata":"{\"transformer.lora_alpha\": 1e300}"},`+factors+`}`, make([]byte, 20), ``, -2.0)
	f.Add(`{"lora_unet_blocks_0_attn1_to_q.diff_b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"table.diff":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]}}`, make([]byte, 8), `null`, 0.5)
	component, dir := base(f), f.TempDir()
	path := filepath.Join(dir, "adapter_model.safetensors")
	none := func(string) []string { return nil }
	f.Fuzz(func(t *testing.T, header string, data []byte, beside string, strength float64) {
		raw := append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
		err := errors.Join(os.WriteFile(path, raw, 0o600), os.WriteFile(weights.Adapter(path), []byte(beside), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		fault := func(err error) {
			var says *Fault
			if !errors.As(err, &says) || strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%T: %v", err, err)
			}
		}
		l, err := Open(path)
		if err != nil {
			fault(err)
			return
		}
		defer l.Close()
		_, _, _ = l.Layout(), l.Ranks(), l.Bytes()
		for _, second := range []bool{false, true} {
			bound, err := l.Bind(component, none, second)
			if err != nil {
				fault(err)
				return
			}
			merged, err := Merge(component, Applied{bound, strength})
			if err != nil {
				fault(err)
				return
			}
			for _, name := range bound.Tensors() {
				dst := make([]float32, 1)
				if err := merged.ReadFloat32(name, 1, dst); err != nil {
					fault(err)
				} else if dst[0]-dst[0] != 0 {
					t.Fatalf("%s became %v", name, dst[0])
				}
			}
			if merged.Memory() < 0 {
				t.Fatal(merged.Memory())
			}
		}
	})
}
