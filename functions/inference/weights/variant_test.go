package weights

import (
	"strings"
	"testing"
)

func TestFileNames(t *testing.T) {
	for name, want := range map[string]FileName{
		"model.safetensors":                                      {Stem: "model"},
		"model.fp16.safetensors":                                 {Stem: "model", Variant: "fp16"},
		"model.fp16-00001-of-00002.safetensors":                  {Stem: "model", Variant: "fp16", Shard: "-00001-of-00002"},
		"model-00001-of-00002.fp16.safetensors":                  {Stem: "model", Variant: "fp16", Shard: "-00001-of-00002"},
		"model.safetensors.index.json":                           {Stem: "model", Index: true},
		"model.safetensors.index.fp16.json":                      {Stem: "model", Variant: "fp16", Index: true},
		"diffusion_pytorch_model.non_ema.safetensors.index.json": {Stem: "diffusion_pytorch_model", Variant: "non_ema", Index: true},
		"wan2.1_t2v_1.3B_bf16.safetensors":                       {Stem: "wan2.1_t2v_1.3B_bf16"},
		"diffusion_pytorch_model-00012-of-00014.safetensors":     {Stem: "diffusion_pytorch_model", Shard: "-00012-of-00014"},
	} {
		if got, ok := ParseFileName(name); !ok || got != want {
			t.Errorf("%s is %+v", name, got)
		}
	}
	for _, name := range []string{"model.bin", ".hidden.safetensors", "config.json", ".safetensors"} {
		if got, ok := ParseFileName(name); ok {
			t.Errorf("%s is %+v", name, got)
		}
	}
}

func TestPick(t *testing.T) {
	sharded := []string{"m.fp16-00001-of-00002.safetensors", "m.fp16-00002-of-00002.safetensors", "m.safetensors.index.fp16.json"}
	for _, c := range []struct {
		names         []string
		variant, want string
	}{
		{sharded, "", "m.safetensors.index.fp16.json"},
		{sharded, "fp16", "m.safetensors.index.fp16.json"},
		{append([]string{"m.bf16.safetensors"}, sharded...), "", "m.bf16.safetensors"},
		{append([]string{"m.safetensors"}, sharded...), "", "m.safetensors"},
		{append([]string{"m.safetensors"}, sharded...), "fp16", "m.safetensors.index.fp16.json"},
		{[]string{"m.ema.safetensors", "m.non_ema.safetensors"}, "", "m.ema.safetensors"},
		{[]string{"config.json"}, "fp16", ""},
		{sharded, "bf16", `no weights of the variant "bf16", only of ["fp16"]`},
		{sharded[:2], "", "their index (m.safetensors.index.fp16.json) is missing"},
		{[]string{"a.safetensors", "b.safetensors"}, "", "several weights to choose from (a.safetensors, b.safetensors)"},
	} {
		got, err := pick("d", c.names, c.variant)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%v, %q: %s", c.names, c.variant, got)
		}
	}
}
