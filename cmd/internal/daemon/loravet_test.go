package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// What a job's LoRAs would be refused for when it runs is told when it is sent; nothing is read or built for that.
func TestLoRAsOfJobsAreLookedAtOnce(t *testing.T) {
	r := newLoRARig(t)
	plain := loraVet{r.fns, r.merger}
	check := func(v loraVet, function, text string) string {
		t.Helper()
		var list any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		problem, err := v.check(t.Context(), function, list)
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
		`[{"name":"style"},{"name":"none"}]`:                    `loras/1: there is no LoRA "none": other, style would do`,
		`[{"name":"folder"}]`:                                   `loras/0: there is no LoRA "folder"`,
		`[{"name":"../style"}]`:                                 "is no LoRA's name",
		`[{"name":"style"},{"name":"style"}]`:                   "loras has style twice",
		`[{"name":"style","strength":0}]`:                       "loras are all at strength 0",
		`[{"name":"none","strength":0},{"name":"style"}]`:       `there is no LoRA "none"`,
		`[{"name":"style","component":"transformer_2"}]`:        "",
		`[{"name":"` + strings.Repeat("x", 300) + `"}]`:         "", // no file has such a name, which is told when it is opened
		`[{"name":"style"},{"name":"other","strength":"hot"}]`:  "loras cannot be read",
		`[{"name":"style"},{"name":"other","component":["a"]}]`: "loras cannot be read",
	} {
		if got := check(plain, "wan", text); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%.80s: want %q, got %q", text, want, got)
		}
	}
	if got := check(plain, "unknown", `[{"name":"none"}]`); got != "" {
		t.Errorf("of a function that is not there: %q", got)
	}
	dir := filepath.Join(r.merger.models, "merged")
	man := sealed(t, dir, "merged", &weights.Derived{Base: r.base.Digest, LoRAs: []weights.LoRA{{Name: "style", Digest: "sha256:1", Strength: 1, Component: "transformer"}}})
	merged := loraVet{oneModel{fn: spec.Function{Name: "wan", Model: &spec.Model{Name: man.Name, Bundle: dir}}}, r.merger}
	if got := check(merged, "wan", `[{"name":"style"}]`); !strings.Contains(got, "has LoRAs merged in already") {
		t.Errorf("of a derived bundle: %q", got)
	}
	if len(r.builds) != 0 || len(r.merger.digests) != 0 {
		t.Errorf("built %v, read %v", r.builds, r.merger.digests)
	}
}
