package lora

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A file's names neither fill the screen nor steer the terminal.
func TestSentencesAreFitToBeShown(t *testing.T) {
	got := Refuse("/a/x.safetensors", "is for another model: none of its modules, such as %s, is one of this model's", "\x1b[2J\u202e"+strings.Repeat("é", 100000)).Error()
	if len(got) > 700 || strings.ContainsAny(got, "\x1b\u202e") || !utf8.ValidString(got) || !strings.HasPrefix(got, "LoRA x.safetensors is for another") || !strings.HasSuffix(got, "one of this model's") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}
