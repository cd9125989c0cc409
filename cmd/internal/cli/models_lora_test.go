package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

func TestParseLoRA(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "odd:2.safetensors")
	for _, path := range []string{filepath.Join(dir, "style.safetensors"), odd} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	style := filepath.Join(dir, "style.safetensors")
	for text, want := range map[string]struct {
		path, component string
		strength        float64
	}{
		"style": {style, "", 1}, "style:0.5": {style, "", 0.5}, style + ":-1": {style, "", -1},
		"transformer_2=style:0.8": {style, "transformer_2", 0.8}, "transformer=" + style: {style, "transformer", 1}, odd: {odd, "", 1},
	} {
		l, err := parseLoRA(dir, text)
		if err != nil || l.Path != want.path || l.Component != want.component || l.Strength != want.strength {
			t.Errorf("%q gives %+v, %v", text, l, err)
		}
	}
	for text, want := range map[string]string{"style:strong": "after the colon stands a strength", "style:NaN": "a strength lies between", "none": "there is no LoRA", "../x/style": "there is no LoRA"} {
		if _, err := parseLoRA(dir, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", text, want, err)
		}
	}
}

func TestListAndRemoveLoRAs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "style.safetensors")
	two := []weights.Tensor{weights.Float32Tensor("transformer.a.lora_A.weight", []int64{2, 3}, make([]float32, 6)), weights.Float32Tensor("transformer.a.lora_B.weight", []int64{4, 2}, make([]float32, 8))}
	if err := weights.Write(path, two, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "broken.safetensors"), []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := listLoRAs(dir, filepath.Join(dir, "none"))
	if err != nil || len(list) != 2 || list[0].Error == "" || list[1].Name != "style" || list[1].Layout != "peft" || list[1].Ranks[0] != 2 || list[1].Modules != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if none, err := listLoRAs(filepath.Join(dir, "none"), dir); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	if _, err := removeLoRA(dir, dir, "../style"); err == nil {
		t.Error("a path was taken for a name")
	}
	if _, err := removeLoRA(dir, dir, "style"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}
