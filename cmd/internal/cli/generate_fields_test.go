package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// given is what generate would send for the flags.
func given(t *testing.T, args ...string) (client.Submission, error) {
	t.Helper()
	var o generateOptions
	flags := pflag.NewFlagSet("generate", pflag.ContinueOnError)
	o.register(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o.submission(flags, "a dog")
}

func TestGenerateGivesAnyFieldOfTheSchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "end.png")
	if err := os.WriteFile(file, []byte("png"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := given(t, "--image", file, "--last-image", file, "--lora", "striped:0.8", "--lora", "few-steps", "--set", "audio=false",
		"--set", "stg_scale=1.5", "--set", "output=wav", "--set", "sampler=x=y", "--set", "other=9007199254740993")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s.Request)
	want := `{"audio":false,"image":"cG5n","last_image":"cG5n","loras":[{"name":"striped","strength":0.8},{"name":"few-steps"}],"other":9007199254740993,"output":"wav","prompt":"a dog","sampler":"x=y","stg_scale":1.5}`
	if err != nil || string(got) != want {
		t.Fatalf("%s, %v", got, err)
	}
}

func TestGenerateSaysWhichFieldIsWrong(t *testing.T) {
	for want, args := range map[string][]string{
		"--last-image: open":                      {"--last-image", "none.png"},
		`--lora "striped:much": after the colon`:  {"--lora", "striped:much"},
		`--lora "striped:11": after the colon`:    {"--lora", "striped:11"},
		`--lora "striped:NaN": after the colon`:   {"--lora", "striped:NaN"},
		`--set "audio": write it as FIELD=VALUE`:  {"--set", "audio"},
		`--set "=1": write it as FIELD=VALUE`:     {"--set", "=1"},
		`--set "seed=1": seed is given already`:   {"--set", "seed=1", "--seed", "2"},
		`--set "prompt=b": prompt is given alrea`: {"--set", "prompt=b"},
	} {
		if _, err := given(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

// The schema judges what --set gave, as it judges what flags gave.
func TestGenerateSetIsHeldToTheSchema(t *testing.T) {
	url := jobServer(t, nil)
	_, _, err := runCLI(t, t.Context(), "generate", "x", "--server", url, "--set", "num_inference_steps=0")
	if err == nil || !strings.Contains(err.Error(), "num_inference_steps is 0") {
		t.Fatal(err)
	}
}
