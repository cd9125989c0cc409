package main

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

func TestAFormatIsWeightsAndWhatIsComputedIn(t *testing.T) {
	for format, want := range map[string][2]string{
		"bf16": {bundle.None, "bf16"}, "fp16": {bundle.None, "fp16"}, "fp8": {"fp8", bundle.Auto}, "fp8bf16": {"fp8", "bf16"}, "nf4": {"nf4", bundle.Auto},
	} {
		if p, a := precision(format); p != want[0] || a != want[1] {
			t.Errorf("%s: %s, %s", format, p, a)
		}
	}
}
