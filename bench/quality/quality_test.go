package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/bench/judge/verdict"
)

func TestPSNR(t *testing.T) {
	if got := clipPSNR([]byte{0, 255}, []byte{0, 255}); got != mostPSNR {
		t.Errorf("equal clips have %v dB", got)
	}
	if got := clipPSNR([]byte{0}, []byte{255}); got != 0 {
		t.Errorf("opposite clips have %v dB", got)
	}
	if got := latentPSNR([]float32{-1, 1.2}, []float32{-1, 1}); math.Abs(got-(20*math.Log10(2)-10*math.Log10(0.02))) > 1e-4 {
		t.Errorf("latents have %v dB", got)
	}
}

// TestGoesOn writes results, reads them again, and makes the table of both.
func TestGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept.jsonl")
	s, err := open(path, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		ok := verdict.Verdict{Color: i > 0, Motion: true, Background: i > 1}
		if err := s.add(3-i, result{Prompt: "a circle", Formats: map[string]measured{"none": {Verdict: ok}, "fp8": {Latents: float64(i), Clip: 30, Verdict: ok}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(path, 8); err == nil {
		t.Error("results of another seed were taken")
	}
	if s, err = open(path, 7); err != nil || len(s.prompts) != 4 {
		t.Fatalf("%d prompts, %v", len(s.prompts), err)
	}
	if !s.has(3) || s.has(4) || len(s.below(2)) != 2 {
		t.Errorf("results %+v", s.prompts)
	}
	r := rowOf("fp8", s.prompts)
	if r.color != 0.75 || r.motion != 1 || r.background != 0.5 || r.judge() != 0.75 || r.latents != 2 {
		t.Errorf("row %+v", r)
	}
}

func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte("a\n"+tableBegin+"old\n"+tableEnd+"b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "a\n"+tableBegin+"new\n"+tableEnd+"b\n" {
		t.Errorf("%q", text)
	}
	if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, "new\n"); err == nil || !strings.Contains(err.Error(), "begin") {
		t.Errorf("without marks: %v", err)
	}
}
