package loras

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// What a job's LoRAs would be refused for when it runs is told when it is sent; nothing is read or built for that.
func TestLoRAsOfJobsAreLookedAtOnce(t *testing.T) {
	r := newRig(t)
	check := func(fns dispatch.Functions, function, text string) string {
		t.Helper()
		var list any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		problem, err := r.merger.Check(fns)(t.Context(), function, list)
		if err != nil {
			t.Error(err)
		}
		return problem
	}
	if err := os.Mkdir(r.merger.path("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`[{"name":"style"}]`: "", `[{"name":"style","strength":0},{"name":"other"}]`: "",
		`[{"name":"style"},{"name":"none"}]`:                    `loras[1]: there is no LoRA "none": other, style would do`,
		`[{"name":"folder"}]`:                                   `loras[0]: there is no LoRA "folder"`,
		`[{"name":"../style"}]`:                                 "is no LoRA's name",
		`[{"name":"style"},{"name":"style"}]`:                   "loras has style twice",
		`[{"name":"style","strength":0}]`:                       "every LoRA of loras is at strength 0",
		`[{"name":"none","strength":0},{"name":"style"}]`:       `there is no LoRA "none"`,
		`[{"name":"style","component":"transformer_2"}]`:        "",
		`[{"name":"` + strings.Repeat("x", 300) + `"}]`:         `loras[0]: there is no LoRA "xxx`, // no file has such a name
		`[{"name":"` + strings.Repeat("名", 120) + `"}]`:         `名…": other, style would do`,
		`[{"name":"style"},{"name":"other","strength":"hot"}]`:  "loras cannot be read",
		`[{"name":"style"},{"name":"other","component":["a"]}]`: "loras cannot be read",
	} {
		if got := check(r.fns, "wan", text); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%.80s: want %q, got %q", text, want, got)
		}
	}
	if got := check(r.fns, "unknown", `[{"name":"none"}]`); got != "" {
		t.Errorf("of a function that is not there: %q", got)
	}
	dir := filepath.Join(r.merger.models, "merged")
	man := sealed(t, dir, "merged", &weights.Derived{Base: r.base.Digest, LoRAs: []weights.LoRA{{Name: "style", Digest: "sha256:1", Strength: 1, Component: "transformer"}}})
	merged := oneModel{fn: spec.Function{Name: "wan", Model: &spec.Model{Name: man.Name, Bundle: dir}}}
	if got := check(merged, "wan", `[{"name":"style"}]`); !strings.Contains(got, "has LoRAs merged in already") {
		t.Errorf("of a derived bundle: %q", got)
	}
	if len(r.builds) != 0 || len(r.merger.digests) != 0 {
		t.Errorf("built %v, read %v", r.builds, r.merger.digests)
	}
}

// Of a model of two experts a LoRA has to be for one, by its own names or by the request's component.
func TestALoRAOfAJobSaysWhichExpertItIsFor(t *testing.T) {
	r := newRig(t)
	file := func(header string) string {
		return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + "\x00\x00\x00\x00"
	}
	r.write(t, "one", file(`{"diffusion_model.blocks.0.ffn.0.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}`))
	r.write(t, "both", file(`{"base_model.model.transformer_2.blocks.0.ffn.0.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}`))
	const want = "loras[0]: LoRA one does not say which part of this model it changes: name its component, transformer or transformer_2"
	for _, c := range []struct{ component, list, want string }{
		{`{"enum":["transformer","transformer_2"]}`, `[{"name":"one"}]`, want},
		{`{"enum":["transformer","transformer_2"]}`, `[{"name":"one","component":"transformer_2"}]`, ""},
		{`{"enum":["transformer","transformer_2"]}`, `[{"name":"both"}]`, ""},
		{`{"enum":["transformer","transformer_2"]}`, `[{"name":"style"}]`, ""}, // which is no safetensors file: its merging says so
		{`{"enum":["transformer","transformer_2"]}`, `[{"name":"one","strength":0},{"name":"both"}]`, ""},
		{`{"enum":["transformer","transformer_2"],"default":"transformer"}`, `[{"name":"one"}]`, ""},
		{`{"enum":["transformer"]}`, `[{"name":"one"}]`, ""},
	} {
		man := weights.Manifest{Schema: json.RawMessage(`{"properties":{"loras":{"items":{"properties":{"name":{},"component":` + c.component + `}}}}}`)}
		var list any
		if err := json.Unmarshal([]byte(c.list), &list); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := r.merger.vet(&man, list); err != nil {
			got = gateway.Sentence(err)
		}
		if got != c.want {
			t.Errorf("%s of %s: want %q, got %q", c.list, c.component, c.want, got)
		}
	}
}
