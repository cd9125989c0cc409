package cli

import (
	"regexp"
	"strings"
	"testing"
)

// TestWordsOfOtherToolsAreAnswered in one line, with a command that there is.
func TestWordsOfOtherToolsAreAnswered(t *testing.T) {
	for line, want := range map[string]string{
		"run wan21 x":             `there is no command "run": 'videosdgx generate PROMPT' makes a clip`,
		"run --gpus all image":    "videosdgx generate PROMPT",
		"pull wan21":              "videosdgx models pull",
		"versio":                  `there is no command "versio"; did you mean 'videosdgx version'?`,
		"deploy":                  "which function? name a folder with function.yaml",
		"deploy --name x":         "--image is missing",
		"nonsense":                `there is no command "nonsense"; 'videosdgx --help' lists those there are`,
		"generate x --width abc":  `--width is "abc": a whole number would do`,
		"generate x --width":      "--width needs a value: 'videosdgx generate --help' says which",
		"models plan x --time 3":  `--time is "3": a time such as 30s or 2h would do`,
		"models plan x --again=a": `--again is "a": true or false would do`,
	} {
		_, _, err := runCLI(t, t.Context(), strings.Fields(line)...)
		if err == nil {
			t.Errorf("%s: no error", line)
			continue
		}
		if code, told := status(t.Context(), err); !strings.Contains(told.Error(), want) || code != wrongUsage || strings.Contains(told.Error(), "\n") {
			t.Errorf("%s: %v, status %d", line, told, code)
		}
	}
}

func TestWhatWordsOfOtherToolsAreAnsweredWithIsThere(t *testing.T) {
	named := regexp.MustCompile(`'videosdgx ([a-z ]+[a-z])`)
	for word, says := range elsewhere {
		if c, rest, err := Root().Find([]string{word}); err == nil && len(rest) == 0 && c.HasParent() {
			t.Errorf("%s is a command", word)
		}
		for _, m := range named.FindAllStringSubmatch(says, -1) {
			if c, rest, err := Root().Find(strings.Fields(m[1])); err != nil || len(rest) > 0 || !c.Runnable() {
				t.Errorf("%s: %s, %v", word, m[1], err)
			}
		}
	}
}
