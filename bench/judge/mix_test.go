package main

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What is heard of a clip is as loud in two equal channels as in one: the reference's ear takes their mean.
func TestChannelsAreAveraged(t *testing.T) {
	for name, c := range map[string]struct {
		expr string
		want float64
	}{
		"mono":             {"0.5*sin(2*PI*400*t)", .5},
		"both":             {"0.5*sin(2*PI*400*t)|0.5*sin(2*PI*400*t)", .5},
		"one of two":       {"0.5*sin(2*PI*400*t)|0", .25},
		"against each one": {"0.5*sin(2*PI*400*t)|-0.5*sin(2*PI*400*t)", 0},
	} {
		path := filepath.Join(t.TempDir(), "a.mp4")
		if out, err := exec.Command("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "aevalsrc="+c.expr+":s=16000:d=1", "-c:a", "aac", "-b:a", "128k", path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		mp4, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := listen(context.Background(), mp4)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		most := 0.0
		for _, v := range w[len(w)/4 : len(w)*3/4] {
			most = max(most, math.Abs(v))
		}
		if math.Abs(most-c.want) > .02 {
			t.Errorf("%s: %.3f at the most, want %.3f", name, most, c.want)
		}
	}
}

func TestAWaveWithoutSamplesIsSaid(t *testing.T) {
	for _, b := range []string{"", "RIFF\xff\xff\xff\xffWAVE", "RIFF\xff\xff\xff\xffWAVEdata\x00\x00\x00\x00", "RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff"} {
		if _, _, err := waveChunks([]byte(b)); err == nil {
			t.Errorf("%q has samples", b)
		}
	}
}
