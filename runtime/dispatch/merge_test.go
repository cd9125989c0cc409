package dispatch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMergeOrdersByTime(t *testing.T) {
	dir := t.TempDir()
	add := func(name, lines string) string {
		path := filepath.Join(dir, name+".log")
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(strings.ReplaceAll(lines, "at ", "2026-01-02T03:04:")); err != nil {
			t.Fatal(err)
		}
		return path
	}
	paths := []string{
		add("f-1", "at 05.000Z\tr1\tone\nat 07.000Z\tr1\tthree\nTraceback\r  of three\nat 09.000Z\t-\tfive\nat 11.000Z\t-\tpart"),
		add("f-2", "no time\nat 06.000Z\tr2\ttwo\twith\ttabs\nat 08.000Z\t-\tfour\n"),
		filepath.Join(dir, "gone.log"),
	}
	want := strings.ReplaceAll(`-	f-2	-	no time
at 05.000Z	f-1	r1	one
at 06.000Z	f-2	r2	two	with	tabs
at 07.000Z	f-1	r1	three
at 07.000Z	f-1	-	Traceback\r  of three
at 08.000Z	f-2	-	four
at 09.000Z	f-1	-	five
`, "at ", "2026-01-02T03:04:")
	want = strings.ReplaceAll(want, `\r`, "\r")
	var b bytes.Buffer
	follow := merge{follow: true, logs: map[string]*instanceLog{}}
	if err := follow.copy(&b, paths); err != nil || b.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), want)
	}
	var whole bytes.Buffer
	once := merge{logs: map[string]*instanceLog{}}
	if err := once.copy(&whole, paths); err != nil || whole.String() != want+"2026-01-02T03:04:11.000Z\tf-1\t-\tpart\n" {
		t.Errorf("%v\n%s", err, whole.String())
	}
	b.Reset()
	add("f-1", "ly\nat 12.000Z\t-\tmore\n")
	if err := follow.copy(&b, paths); err != nil || b.String() != "2026-01-02T03:04:11.000Z\tf-1\t-\tpartly\n2026-01-02T03:04:12.000Z\tf-1\t-\tmore\n" {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := follow.copy(&b, paths); err != nil || b.Len() > 0 {
		t.Errorf("%v\nagain: %s", err, b.String())
	}
}
