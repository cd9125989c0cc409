package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestStatus(t *testing.T) {
	for line, want := range map[string]int{
		"frobnicate": 2, "jobs frobnicate": 2, "jobs show": 2, "jobs ls --frob": 2, "generate": 2, "generate x --width abc": 2, "jobs show a b": 2,
		"completion tcsh": 2, "help frobnicate": 2, "help jobs frobnicate": 2, "invoke f --event --stream": 2, "invoke f --stream --json": 2,
		"generate x --fps nan": 2, "generate x --attempts 0": 2, "generate x -o - --json": 2, "jobs download x -o - --json": 2,
		"jobs show .": 2, "snapshot rm ..": 2, "ps --stop .": 2, "invoke .": 2, "deploy --name .. --image x": 2, "models build x --name a/b": 2,
		"jobs watch x --server 127.0.0.1:1": 1,
		"jobs ls --server ://":              1, "jobs ls --server 127.0.0.1:1": 1,
	} {
		_, _, err := runCLI(t, t.Context(), strings.Fields(line)...)
		if err == nil {
			t.Errorf("%s: no error", line)
		} else if got, told := status(t.Context(), err); got != want || told == nil {
			t.Errorf("%s: %d, want %d: %v", line, got, want, err)
		}
	}
	if out, _, err := runCLI(t, t.Context(), "jobs"); err != nil || !strings.Contains(out, "watch") {
		t.Errorf("%s, %v", out, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if code, err := status(ended, fmt.Errorf("Get: %w", context.Canceled)); code != 130 || err.Error() != "interrupted" {
		t.Errorf("%d %v", code, err)
	}
	if code, _ := status(ended, errors.New("broke before")); code != 1 {
		t.Error(code)
	}
}
