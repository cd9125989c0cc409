package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/spec"
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
		"transformer_2=style:0.8": {style, "transformer_2", 0.8}, "stage_2=style:0.8": {style, "stage_2", 0.8}, "transformer=" + style: {style, "transformer", 1}, odd: {odd, "", 1},
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
	for _, err := range []error{os.WriteFile(filepath.Join(dir, "broken.safetensors"), []byte("no"), 0o600), unix.Mkfifo(filepath.Join(dir, "fifo.safetensors"), 0o600), os.Mkdir(filepath.Join(dir, "folder.safetensors"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	list, err := listLoRAs(dir, filepath.Join(dir, "none"))
	if err == nil && len(list) == 4 && list[1].Error == "LoRA fifo.safetensors cannot be read: it is a FIFO, and a regular file is needed" && list[2].Error == "LoRA folder.safetensors cannot be read: it is a folder, and a regular file is needed" {
		list = append(list[:1], list[3]) // which are waited for by nobody
	}
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

// What is wrong with --lora and --quant is told before anything is opened or built, with --plan too.
func TestWrongChoicesAreToldAtOnce(t *testing.T) {
	demo, loras := filepath.Join("..", "..", "..", "images", "demo", "wan21-tiny"), filepath.Join("..", "..", "..", "images", "demo", "loras")
	striped := filepath.Join(loras, "striped.safetensors")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--quant", "int3"}, `--quant "int3" is not known: auto, none`},
		{[]string{"--quant", "int3", "--plan"}, `--quant "int3" is not known`},
		{[]string{"--lora", striped + ":much", "--plan"}, "after the colon stands a strength"},
		{[]string{"--lora", "none", "--plan"}, "there is no LoRA"},
		{[]string{"--lora", filepath.Join(loras, "README.md"), "--plan"}, "LoRA README.md cannot be read"},
		{[]string{"--lora", "transformer_2=" + striped, "--plan"}, `is for the component "transformer_2"; transformer would do`},
	} {
		dir := t.TempDir()
		_, err := models(t, append([]string{"build", demo, "--models", dir}, c.args...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: want %q, got %v", c.args, c.want, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%v: built %v, %v", c.args, left, err)
		}
	}
	out, err := models(t, "build", demo, "--plan", "--lora", striped, "--quant", "FP8", "--engines", "cuda")
	if err != nil || !strings.Contains(out, "with LoRAs (1): ") || !strings.Contains(out, "merging holds ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A removed LoRA's bundles are told apart from others, by what instances are versions of.
func TestInstancesOfARemovedLoRA(t *testing.T) {
	r := removedLoRA{keys: map[string]bool{"k": true}}
	for version, want := range map[string]bool{"lora-k": true, "lora-other": false, "$LATEST": false, "k": false} {
		if got := r.serves(spec.InstanceStatus{Version: version}); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}
