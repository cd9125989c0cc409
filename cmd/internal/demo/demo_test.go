package demo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServerTiming(t *testing.T) {
	got := serverTiming(`queue;dur=0.1, create;desc="c";dur=60.5,run;dur=1, odd, bad;dur=x`)
	if len(got) != 3 || got["create"] != 60.5 || got["run"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestLastThreeLines(t *testing.T) {
	var b strings.Builder
	r := Report{Clip: "/x/clip.mp4", Cold: Measured{Millis: 71.4, Calls: 5}, Warm: Measured{Millis: 0.44, Calls: 50}}
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if got := strings.Join(lines[len(lines)-3:], "|"); got != "clip: /x/clip.mp4|cold: 71 ms|warm: 0.4 ms" {
		t.Error(got)
	}
}

func TestUnlessDone(t *testing.T) {
	d, dir := &demo{}, t.TempDir()
	in, result := filepath.Join(dir, "in"), filepath.Join(dir, "sub", "result")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	run := func() error {
		return d.unlessDone(result, []string{in}, func() error { made++; write(result, "x"); return nil })
	}
	write(in, "1")
	for i, want := range []int{1, 1, 2, 3} {
		switch i {
		case 2:
			write(in, "2")
		case 3:
			os.Remove(result)
		}
		if err := run(); err != nil || made != want {
			t.Fatalf("step %d: made %d times, want %d (%v)", i, made, want, err)
		}
	}
	if err := d.unlessDone(result, []string{in + "missing"}, nil); err == nil || !strings.Contains(err.Error(), "repository's root") {
		t.Errorf("missing input: %v", err)
	}
}

func TestMedian(t *testing.T) {
	ms := []float64{5, 1, 9}
	m, err := median(3, func() (Measured, error) { v := ms[0]; ms = ms[1:]; return Measured{Millis: v}, nil })
	if err != nil || m.Millis != 5 || m.Calls != 3 {
		t.Errorf("%+v, %v", m, err)
	}
	bad := errors.New("bad")
	if _, err := median(1, func() (Measured, error) { return Measured{}, bad }); !errors.Is(err, bad) {
		t.Errorf("%v", err)
	}
}
