package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// process starts a script in the victim's place: $3 is the file for its lines.
func process(t *testing.T, body string) (*victim, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := bench{victim: path, dir: t.TempDir()}
	v, err := b.start(context.Background(), 0.5)
	if err == nil {
		t.Cleanup(v.stop)
	}
	return v, err
}

const loop = "\nwhile :; do sleep 0.01; done"

func TestContentsAreComparedAfterEachRound(t *testing.T) {
	v, err := process(t, `trap 'echo "sum $s bad 0 ms 1" >> $3; s=beef' USR1; s=cafe; echo "ready cafe bad 0 ms 1" >> $3`+loop)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.verify(context.Background()); err != nil {
		t.Error(err)
	}
	if err := v.verify(context.Background()); err == nil || !strings.Contains(err.Error(), "checksum beef, it was cafe") {
		t.Error(err)
	}
}

func TestWrongWordsAndDeadProcessesAreErrors(t *testing.T) {
	if _, err := process(t, `echo "ready cafe bad 3 ms 1" >> $3`+loop); err == nil || !strings.Contains(err.Error(), "3 words") {
		t.Error(err)
	}
	if _, err := process(t, "echo out of memory >&2; exit 1"); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Error(err)
	}
}

func TestParseSizes(t *testing.T) {
	got, err := parseSizes("1x3,0.5x2")
	if err != nil || len(got) != 2 || got[1] != (size{0.5, 2}) || got[1].bytes() != 1<<29 {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "8", "0x3", "1x0", "1x3,"} {
		if _, err := parseSizes(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestFiguresAreMediansAndRatesInTheirUnits(t *testing.T) {
	r := harness.NewReport("gpu")
	r.Figure("copy_pinned_to_host_gb_per_s", 50)
	r.Figure("copy_pinned_to_device_gb_per_s", 20)
	var rs rounds
	for _, s := range []time.Duration{9, 1, 2} {
		rs = append(rs, round{Timing: cuda.Timing{Checkpoint: s * time.Second, Restore: time.Second}})
	}
	rs.report(r, "g8", 40e9)
	rs[:2].report(r, "g2", 40e9)
	if got := r.Figures["g2_checkpoint_ms"]; got != 5000 {
		t.Errorf("of two rounds the middle is %v", got)
	}
	for name, want := range map[string]float64{"g8_checkpoint_first_ms": 9000, "g8_checkpoint_ms": 2000, "g8_checkpoint_gb_per_s": 20,
		"g8_checkpoint_of_copy": .4, "g8_restore_gb_per_s": 40, "g8_restore_of_copy": 2} {
		if got := r.Figures[name]; got != want {
			t.Errorf("%s is %v, expected %v", name, got, want)
		}
	}
}
