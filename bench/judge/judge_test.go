package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// encode turns a clip into an MP4, as a model function would.
func encode(t *testing.T, c *shapes.Clip) []byte {
	t.Helper()
	raw := make([]byte, len(c.Pix))
	for i, v := range c.Pix {
		raw[i] = byte(math.Round(v * 255))
	}
	cmd := exec.Command("ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", fmt.Sprintf("%dx%d", c.Width, c.Height),
		"-framerate", "16", "-i", "pipe:0", "-c:v", "libx264", "-crf", "15", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1")
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = bytes.NewReader(raw), &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	return out.Bytes()
}

// A server that answers every prompt with the clip that it asks for gets a full score: the words, the MP4 and the decoding
// take nothing away.
func TestScoresAPerfectServer(t *testing.T) {
	want := map[string]shapes.Spec{}
	r := shapes.Rand(9)
	for range 6 {
		s := shapes.Draw(r)
		want[s.Caption(r)] = s
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body struct {
			Prompt string
			Seed   uint64
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil || req.URL.Path != "/fn/wan21/" || req.Header.Get("Accept") != "video/mp4" {
			t.Errorf("%s %v %v", req.URL, req.Header, err)
		}
		w.Write(encode(t, shapes.Render(want[body.Prompt], shapes.Rand(body.Seed), 33, 128)))
	}))
	defer srv.Close()
	var out bytes.Buffer
	o := options{server: harness.Options{URL: srv.URL}, n: 6, seed: 9, function: "wan21", keep: t.TempDir()}
	if err := o.run(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var report struct {
		Bench, Commit, Machine string
		Figures                map[string]float64
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatal(err)
	}
	f := report.Figures
	if report.Bench != "judge" || report.Commit == "" || f["color"] < 0.8 || f["motion"] < 0.8 || f["background"] != 1 || f["prompts"] != 6 {
		t.Errorf("%+v\n%s", report, out.String())
	}
}

func TestServerErrorsEndTheRun(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	o := options{server: harness.Options{URL: srv.URL}, n: 2, seed: 1, function: "wan21"}
	if err := o.run(context.Background(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}

func TestTruncatedFramesAreErrors(t *testing.T) {
	for _, s := range []string{"", "P6\n2 2\n255\n123", "P5\n1 1\n255\n1"} {
		if _, err := readPPM(bufio.NewReader(strings.NewReader(s))); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}
