package jobs

import "testing"

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		" the disk is full ":               "The disk is full.",
		"it ended.":                        "It ended.",
		"é necessário um prompt":           "É necessário um prompt.",
		"num_frames is 32: 29 or 33 fit":   "num_frames is 32: 29 or 33 fit.",
		"width is 100: 96 or 112 would do": "Width is 100: 96 or 112 would do.",
	} {
		if got := sentence(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
