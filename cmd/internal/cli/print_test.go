package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestATableCannotSteerTheTerminal: a prompt is anybody's text. What only looks unusual stays.
func TestATableCannotSteerTheTerminal(t *testing.T) {
	var b strings.Builder
	if err := table(&b, []string{"prompt"}, [][]string{{"a\x1b[31mred\u009b\u202egnp\tb\nc"}, {"família 👨\u200d👩\u200d👧 ação"}}); err != nil {
		t.Fatal(err)
	}
	if want := "PROMPT\na\ufffd[31mred\ufffd\ufffdgnp b c\nfamília 👨\u200d👩\u200d👧 ação\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestTableAndSpan(t *testing.T) {
	var b bytes.Buffer
	if err := table(&b, []string{"name", "n"}, [][]string{{"wan21", "3"}}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME   N\nwan21  3\n"; b.String() != want {
		t.Errorf("table %q, want %q", b.String(), want)
	}
	for d, want := range map[time.Duration]string{0: "-", 1234 * time.Microsecond: "1ms", 90 * time.Second: "1m30s", 2 * time.Hour: "2h", 125 * time.Minute: "2h5m"} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
