package handler

import (
	"sort"
	"strings"
)

// LongestPrompt is a prompt of as many tokens as the model takes, of bytes where it counts no tokens: what rehearses a plan whose
// shapes must hold every request's. The error is the tokenizer's.
func (l Limits) LongestPrompt() (string, error) {
	const word = "ball "
	most := max(l.MaxPromptBytes/len(word), 1)
	words := func(n int) string { return strings.TrimSpace(strings.Repeat(word, n)) }
	if l.Tokens == nil || l.MaxTokens <= 0 {
		return words(most), nil
	}
	var failed error
	over := sort.Search(most, func(n int) bool {
		tokens, err := l.Tokens(words(n + 1))
		if err != nil {
			failed = err
		}
		return err == nil && tokens > l.MaxTokens
	})
	return words(max(over, 1)), failed
}
