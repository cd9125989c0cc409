package handler

import (
	"errors"
	"strings"
	"testing"
)

func TestTheLongestPromptIsAsLongAsTheModelTakes(t *testing.T) {
	words := func(s string) (int, error) { return len(strings.Fields(s)) + 1, nil } // and one that ends it
	for name, c := range map[string]struct {
		l    Limits
		want int
	}{
		"tokens":         {Limits{MaxPromptBytes: 8 << 10, MaxTokens: 64, Tokens: words}, 63},
		"bytes first":    {Limits{MaxPromptBytes: 50, MaxTokens: 64, Tokens: words}, 10},
		"bytes alone":    {Limits{MaxPromptBytes: 50}, 10},
		"one word":       {Limits{MaxPromptBytes: 8 << 10, MaxTokens: 1, Tokens: words}, 1},
		"nothing is set": {Limits{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.l.LongestPrompt()
			if err != nil || len(strings.Fields(got)) != c.want || (c.l.MaxPromptBytes > 0 && len(got) > c.l.MaxPromptBytes) {
				t.Errorf("%d words, %d bytes, %v; want %d words", len(strings.Fields(got)), len(got), err, c.want)
			}
		})
	}
	broken := errors.New("broken")
	if _, err := (Limits{MaxPromptBytes: 50, MaxTokens: 4, Tokens: func(string) (int, error) { return 0, broken }}).LongestPrompt(); !errors.Is(err, broken) {
		t.Errorf("%v, want the tokenizer's", err)
	}
}
