package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// withSound turns a clip and its wave into an MP4 with AAC, as a model function would.
func withSound(t *testing.T, c *shapes.Clip, w shapes.Wave) []byte {
	t.Helper()
	dir := t.TempDir()
	video, sound := filepath.Join(dir, "v.mp4"), filepath.Join(dir, "a.f32")
	raw := []byte{}
	for _, v := range w {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
	}
	for name, data := range map[string][]byte{video: encode(t, c), sound: raw} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out.mp4")
	cmd := exec.Command("ffmpeg", "-loglevel", "error", "-i", video, "-f", "f32le", "-ar", fmt.Sprint(shapes.SampleRate), "-ac", "1", "-i", sound,
		"-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart", out)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, said)
	}
	mp4, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return mp4
}

// A server whose clips show and sound as asked gets a full score, for prompts from a file.
func TestScoresPerfectSound(t *testing.T) {
	r, want := shapes.Rand(21), map[string]shapes.Spec{}
	var file struct {
		Clips []map[string]any `json:"clips"`
	}
	for i, motion := range []string{"bouncing", "growing", "moving left", "bouncing"} {
		s := shapes.DrawSounding(r)
		if s.Motion, s.Speed, s.Sound = motion, "", shapes.Sounds[i]; motion == "bouncing" {
			s.Speed = "quickly"
		}
		prompt := s.Saying(s.Caption(r), r)
		want[prompt] = s
		file.Clips = append(file.Clips, map[string]any{"prompt": prompt, "seed": i, "spec": map[string]string{"color": s.Color, "shape": s.Shape, "motion": s.Motion,
			"bg": s.Background, "size": s.Size, "speed": s.Speed, "sound": s.Sound}})
	}
	raw, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "prompts.json")
	if err := os.WriteFile(name, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body struct {
			Prompt string
			Seed   uint64
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil || req.URL.Path != "/fn/ltx2/" {
			t.Errorf("%s %v", req.URL, err)
		}
		clip, wave := shapes.RenderSounding(want[body.Prompt], shapes.Rand(body.Seed), 33, 96)
		w.Write(withSound(t, clip, wave))
	}))
	defer srv.Close()
	var out bytes.Buffer
	o := options{server: harness.Options{URL: srv.URL}, n: 4, function: "ltx2", file: name}
	if err := o.run(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var report struct{ Figures map[string]float64 }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"color", "motion", "background", "pitch", "silence", "onset", "bounce", "hush", "loudness"} {
		if report.Figures[name] != 1 {
			t.Errorf("%s is %v\n%s", name, report.Figures, out.String())
		}
	}
}

func TestPromptFilesAreChecked(t *testing.T) {
	name := filepath.Join(t.TempDir(), "prompts.json")
	for _, text := range []string{"", "{}", `{"clips": [{"prompt": 3}]}`} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := (options{n: 1, file: name}).prompts(); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
