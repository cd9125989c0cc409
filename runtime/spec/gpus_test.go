package spec

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestGPUsAreNamesOrANumber(t *testing.T) {
	for text, want := range map[string]struct {
		names        GPUs
		any, several int
	}{
		`2`:                    {AnyGPUs(2), 2, 2},
		`1`:                    {AnyGPUs(1), 1, 0},
		`0`:                    {nil, 0, 0},
		`["all"]`:              {GPUs{"all"}, 0, 0},
		`["nvidia.com/gpu=0"]`: {GPUs{"nvidia.com/gpu=0"}, 0, 0},
		`["nvidia.com/gpu=0","nvidia.com/gpu=3"]`: {GPUs{"nvidia.com/gpu=0", "nvidia.com/gpu=3"}, 0, 2},
	} {
		var got struct {
			GPUs GPUs `json:"gpus"`
		}
		if err := json.Unmarshal([]byte(`{"gpus": `+text+`}`), &got); err != nil || !slices.Equal(got.GPUs, want.names) || got.GPUs.Any() != want.any || got.GPUs.Several() != want.several {
			t.Errorf("%s: %q (%d, %d) %v", text, got.GPUs, got.GPUs.Any(), got.GPUs.Several(), err)
		}
		if len(got.GPUs) == 0 {
			continue
		}
		if again, err := json.Marshal(got.GPUs); err != nil || string(again) != text {
			t.Errorf("%s is written as %s, %v", text, again, err)
		}
	}
	for text, want := range map[string]string{`"all"`: "all", `"nvidia.com/gpu=0"`: "nvidia.com/gpu=0"} {
		var got GPUs
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, GPUs{want}) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	var none GPUs
	if err := json.Unmarshal([]byte("null"), &none); err != nil || none != nil {
		t.Errorf("null: %q, %v", none, err)
	}
	for _, bad := range []string{`-1`, `65`, `2.5`, `true`, `{"a": 1}`, `"every"`, `""`, `"2.5"`} {
		var got struct{ GPUs GPUs }
		if err := json.Unmarshal([]byte(`{"gpus": `+bad+`}`), &got); err == nil {
			t.Errorf("%s was taken as %q", bad, got.GPUs)
		}
	}
}
