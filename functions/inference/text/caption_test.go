package text_test

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

func TestGoldenCaptions(t *testing.T) {
	g := golden.Open(t, "magi_caption")
	var c struct {
		Cleaned [][2]string `json:"cleaned"`
	}
	if g.Config(&c); len(c.Cleaned) == 0 {
		t.Fatal("the file has no captions")
	}
	for _, pair := range c.Cleaned {
		if got := text.CleanCaption(pair[0]); got != pair[1] {
			t.Errorf("%q becomes %q, want %q", pair[0], got, pair[1])
		}
	}
}
