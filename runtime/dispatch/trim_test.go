package dispatch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLongLogKeepsItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := trim(path, 100, 20); err != nil {
		t.Errorf("no log yet: %v", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var seen bytes.Buffer
	logs := merge{follow: true, logs: map[string]*instanceLog{}}
	for i := range 50 {
		fmt.Fprintf(f, "line %04d\n", i)
		if err := logs.copy(&seen, []string{path}); err != nil {
			t.Fatal(err)
		}
		if err := trim(path, 300, 20); err != nil {
			t.Fatal(err)
		}
	}
	log, _ := os.ReadFile(path)
	if len(log) > 300 || !strings.HasSuffix(string(log), "line 0048\nline 0049\n") || !strings.HasPrefix(string(log[stampWidth:]), "\t-\tvideosdgx: this log was longer than 300 bytes") {
		t.Errorf("%d bytes: %s", len(log), log)
	}
	for i := range 50 {
		if want := fmt.Sprintf("line %04d\n", i); !strings.Contains(seen.String(), want) {
			t.Errorf("who follows the log has missed %s", want)
		}
	}
}
