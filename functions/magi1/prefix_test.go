package magi1

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/functions/schema"
)

// shot writes a clip of so many frames at 24 a second.
func shot(t *testing.T, frames int) string {
	t.Helper()
	e, err := media.NewEncoder(context.Background(), media.Spec{Width: 80, Height: 48, FPS: 24, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range frames {
		rgb := bytes.Repeat([]byte{byte(5 * i), 80, byte(255 - 5*i)}, 80*48)
		if err := e.Frame(rgb); err != nil {
			t.Fatal(err)
		}
	}
	f, err := e.Close()
	if err != nil {
		t.Fatal(err)
	}
	return f.Path
}

func openVideo(t *testing.T, path string) *media.Clip {
	t.Helper()
	c, err := media.OpenClip(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// A clip goes on from the end of a video: of 40 frames the last 32, one whole chunk and two latent frames of the next.
func TestAClipGoesOnFromAVideo(t *testing.T) {
	p := openTiny(t)
	r := request(48)
	plain, _ := clipOf(t, p, r)
	r.Video = openVideo(t, shot(t, 40))
	frames, _ := clipOf(t, p, r)
	if len(frames) != 48 || bytes.Equal(frames[0], plain[0]) {
		t.Fatalf("%d frames; as without a video: %v", len(frames), bytes.Equal(frames[0], plain[0]))
	}
	last, err := p.lastFrames(context.Background(), r)
	if err != nil || len(last) != 32 || last[31].Width != 64 || last[31].Height != 32 {
		t.Fatalf("%d frames, %v", len(last), err)
	}
	if got := int(last[0].Pix[0]); got < 5*8-12 || got > 5*8+12 { // the ninth frame's red
		t.Errorf("the first of them has red %d", got)
	}
}

// unsteady is a clip whose every fourth frame is missing.
func unsteady(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "variable.mp4")
	convert(t, "-i", shot(t, 48), "-vf", "select='not(eq(mod(n,4),1))'", "-fps_mode", "vfr", path)
	return path
}

func convert(t *testing.T, args ...string) {
	t.Helper()
	program, err := media.FFmpeg()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, append([]string{"-loglevel", "error"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// A variable rate is refused with two ways out, and both are.
func TestAVideoOfVariableRate(t *testing.T) {
	p := openTiny(t)
	r := request(24)
	r.Video = openVideo(t, unsteady(t))
	_, err := p.lastFrames(context.Background(), r)
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "variable frame rate, its frames lie 42 to 83 ms apart") || !strings.Contains(err.Error(), `"video_resample": true`) {
		t.Fatalf("got %v", err)
	}
	even := filepath.Join(t.TempDir(), "even.mp4")
	_, command, _ := strings.Cut(err.Error(), "`ffmpeg ")
	command, _, _ = strings.Cut(command, "`")
	convert(t, strings.Fields(strings.NewReplacer("IN", r.Video.Path, "OUT.mp4", even).Replace(command))...)
	asked := r
	asked.Values = schema.Object{"video_resample": true}
	r.Video = openVideo(t, even)
	for what, r := range map[string]handler.Request{"converted": r, "as asked": asked} {
		if frames, err := p.lastFrames(context.Background(), r); err != nil || len(frames) != 32 {
			t.Errorf("%s: %d frames, %v", what, len(frames), err)
		}
	}
	if frames, _ := clipOf(t, p, asked); len(frames) != 24 {
		t.Errorf("%d frames", len(frames))
	}
}

func TestAVideoThatDoesNotFitIsSaid(t *testing.T) {
	p := openTiny(t)
	r := request(24)
	r.Video = openVideo(t, shot(t, 3))
	_, err := p.lastFrames(context.Background(), r)
	if err == nil || !strings.HasPrefix(err.Error(), "the video has 3 frames at 24 a second; 4 at least are needed to go on from, 32 are used: send a longer one, or a frame of it as image") {
		t.Errorf("too short: %v", err)
	}
	whole, err := os.ReadFile(shot(t, 48))
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.mp4")
	if err := os.WriteFile(cut, whole[:len(whole)*3/5], 0o600); err != nil {
		t.Fatal(err)
	}
	r.Video = openVideo(t, cut) // its index is in front, and whole
	if _, err := p.lastFrames(context.Background(), r); err == nil || !strings.Contains(err.Error(), "send the whole file") || strings.Contains(err.Error(), "\n") {
		t.Errorf("cut off: %v", err)
	}
	moving := filepath.Join(t.TempDir(), "moving.mp4") // frames are stored in another order than shown: what is left of them has gaps
	convert(t, "-f", "lavfi", "-i", "testsrc2=size=128x128:rate=24:duration=2", "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-movflags", "+faststart", moving)
	if whole, err = os.ReadFile(moving); err != nil {
		t.Fatal(err)
	}
	for percent := 20; percent < 100; percent += 10 {
		if err := os.WriteFile(cut, whole[:len(whole)*percent/100], 0o600); err != nil {
			t.Fatal(err)
		}
		r.Video = openVideo(t, cut)
		_, err := p.lastFrames(context.Background(), r)
		if err == nil || !strings.Contains(err.Error(), ": send the whole file") || strings.Contains(err.Error(), "variable") || strings.Contains(err.Error(), cut) || strings.Contains(err.Error(), "()") {
			t.Errorf("cut off at %d %%: %v", percent, err)
		}
	}
	both := request(24)
	both.Video, both.Image = r.Video, media.RGB{}
	if err := p.Check(both); err == nil || !strings.Contains(err.Error(), "leave the other out") {
		t.Errorf("both: %v", err)
	}
}

// A checkpoint's own default that no clip can be gone on from with is refused when the model is built or opened.
func TestAPrefixThatNoClipCanHave(t *testing.T) {
	runtime := openTiny(t).c.Runtime
	for _, text := range []string{`0`, `-4`, `3`, `100000000000`, `1e30`, `"32"`, `4.5`, `null`, `[32]`} {
		want := "prefix_frames in the defaults of model_index.json is " + text + "; it is how many frames of a video's end a clip goes on from, from 4, one latent frame, to 14400, 600 seconds: 32 would do"
		if _, err := parseDefaults([]byte(`{"prefix_frames":`+text+`}`), runtime); !errdefs.IsInvalidArgument(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{`[]`: "defaults of model_index.json are []; an object would do", `{"special_tokens":"hq"}`: `is "hq"; it is a list of names, such as ["hq", "duration"]`, `{"negative_tokens":1}`: "is 1; it is true or false", `{"special_tokens":["HQ"]}`: `special token "HQ" is not known`} {
		if _, err := parseDefaults([]byte(text), runtime); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Go struct") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if d, err := parseDefaults([]byte(`{"prefix_frames":4}`), runtime); err != nil || d.Prefix != 4 {
		t.Errorf("%+v, %v", d, err)
	}
}
