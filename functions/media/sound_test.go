package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// flash is a clip of 64 × 48 at 25 frames a second that is dark but for one frame, and silent but for a beep that begins
// with that frame.
func flash(t *testing.T, dir string, frames, at int, rate int) *File {
	t.Helper()
	e, err := NewEncoder(context.Background(), Spec{Width: 64, Height: 48, FPS: 25, Comment: `{"a":1}`, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Abort()
	beep := make([]float32, 2*rate*frames/25+2*rate) // a second longer than the pictures
	from := 2 * rate * at / 25
	for i := range rate / 10 {
		v := float32(0.8 * math.Sin(2*math.Pi*1000*float64(i)/float64(rate)))
		beep[from+2*i], beep[from+2*i+1] = v, v
	}
	for i := range frames {
		level := byte(10)
		if i == at {
			level = 250
		}
		if err := e.Frame(bytes.Repeat([]byte{level}, 64*48*3)); err != nil {
			t.Fatal(err)
		}
		part := len(beep) / frames / 2 * 2
		end := part * (i + 1)
		if i == frames-1 {
			end = len(beep)
		}
		if err := e.Sound(Sound{Rate: rate, Channels: 2, Samples: beep[part*i : end]}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := e.Close()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// heard decodes a file's sound to one channel at 48 kHz, from the moment of the first picture.
func heard(t *testing.T, path string) []float32 {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-v", "error", "-copyts", "-i", path, "-vn", "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", "48000", "-f", "f32le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

func onset(samples []float32) float64 {
	for i, v := range samples {
		if v > 0.1 || v < -0.1 {
			return float64(i) / 48000
		}
	}
	return math.Inf(1)
}

// TestSoundIsInStep: what begins with a frame is heard with it, at rates that do and do not divide AAC's blocks.
func TestSoundIsInStep(t *testing.T) {
	for _, rate := range []int{48000, 24000, 44100, 16000} {
		dir := t.TempDir()
		f := flash(t, dir, 80, 53, rate)
		frames, err := Decode(context.Background(), f.Path)
		if err != nil || len(frames) != 80 || frames[53].Pix[3000] < 200 || frames[52].Pix[3000] > 50 {
			t.Fatalf("%d frames, %v", len(frames), err)
		}
		sound := heard(t, f.Path)
		if off := onset(sound) - 53.0/25; math.Abs(off) > 1.0/25 {
			t.Errorf("at %d Hz the beep is %.1f ms off", rate, 1000*off)
		}
		if long := float64(len(sound))/48000 - 80.0/25; math.Abs(long) > 1.0/25 {
			t.Errorf("at %d Hz the sound is %.0f ms longer than the pictures", rate, 1000*long)
		}
		out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,channels:format_tags=comment", "-of", "csv=p=0", f.Path).Output()
		if got := strings.Fields(string(out)); err != nil || strings.Join(got, " ") != `h264 aac,2 "{""a"":1}"` {
			t.Errorf("the file has %q, %v", got, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestTheSameSoundGivesTheSameFile(t *testing.T) {
	a, b := flash(t, t.TempDir(), 10, 5, 48000), flash(t, t.TempDir(), 10, 5, 48000)
	rawA, _ := os.ReadFile(a.Path)
	if rawB, _ := os.ReadFile(b.Path); !bytes.Equal(rawA, rawB) || len(rawA) == 0 {
		t.Error("the same frames and sound give another file")
	}
}

func TestSoundAloneIsAWAV(t *testing.T) {
	dir := t.TempDir()
	r := NewWAV(dir)
	defer r.Abort()
	want := []float32{0, 0.5, -0.5, 1, -1, 7, float32(math.NaN()), 0.25}
	for i := 0; i < len(want); i += 2 {
		if err := r.Sound(Sound{Rate: 48000, Channels: 1, Samples: want[i : i+2]}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := r.Close()
	if err != nil || f.Type != "audio/wav" || f.Size != 44+16 || f.Seconds != 8.0/48000 {
		t.Fatalf("%+v, %v", f, err)
	}
	got := heard(t, f.Path)
	for i, v := range []float32{0, 0.5, -0.5, 1, -1, 1, 0, 0.25} {
		if math.Abs(float64(got[i]-v)) > 1.0/32767 {
			t.Errorf("sample %d is %g", i, got[i])
		}
	}
	os.Remove(f.Path)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWrongSound(t *testing.T) {
	e, err := NewEncoder(context.Background(), Spec{Width: 4, Height: 4, FPS: 1, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Abort()
	if err := e.Sound(Sound{Rate: 8000, Channels: 2, Samples: make([]float32, 4)}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Sound{{Rate: 8000, Channels: 1}, {Rate: 16000, Channels: 2}, {Rate: 8000, Channels: 2, Samples: make([]float32, 3)}} {
		if err := e.Sound(s); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%d Hz, %d channels: %v", s.Rate, s.Channels, err)
		}
	}
	if _, err := newTrack("", Sound{Rate: 0, Channels: 1}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("got %v", err)
	}
	if _, err := NewWAV(t.TempDir()).Close(); err == nil {
		t.Error("silence was recorded")
	}
}
