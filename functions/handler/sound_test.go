package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/media"
)

// band is a model with sound and a field of its own: each frame has a tone of 1/FPS seconds, and a transcript lies beside.
type band struct{ silent, blind bool }

func (b band) Describe() Description {
	d := Description{Name: "band", Family: "test", Defaults: Request{Width: 32, Height: 32, NumFrames: 9, FPS: 8},
		Limits:     Limits{WidthMultiple: 16, HeightMultiple: 16, MaxWidth: 64, MaxHeight: 64, FrameStep: 8, MaxFrames: 17, MaxFPS: 30, MaxPromptBytes: 100, Video: "optional"},
		Properties: map[string]json.RawMessage{"pitch": json.RawMessage(`{"type":"number","minimum":50,"maximum":2000,"default":440,"description":"Hz of the tone"}`), "fps": json.RawMessage("null")},
		Required:   nil}
	if b.blind {
		d.Limits.MaxWidth, d.Limits.MaxHeight = 0, 0
	}
	return d
}

func (b band) Generate(ctx context.Context, r Request, out Output) error {
	if r.FPS == 0 {
		r.FPS = 8
	}
	const rate = 24000
	phase := 0.0
	for i := range r.NumFrames {
		if !b.blind {
			if err := out.Frame(bytes.Repeat([]byte{byte(20 * i)}, r.Width*r.Height*3)); err != nil {
				return err
			}
		}
		tone := make([]float32, rate/8)
		for j := range tone {
			phase += 2 * math.Pi * number(r.Values["pitch"]) / rate
			tone[j] = float32(0.5 * math.Sin(phase))
		}
		if !b.silent {
			if err := out.Sound(media.Sound{Rate: rate, Channels: 1, Samples: tone}); err != nil {
				return err
			}
		}
	}
	return out.Piece(Piece{Name: "transcript", Type: "text/plain; charset=utf-8", Filename: "words.txt", Data: []byte(r.Prompt)})
}

// fps makes the band's rate a field again.
func (b band) withRate() Model { return rated{b} }

type rated struct{ band }

func (r rated) Describe() Description {
	d := r.band.Describe()
	d.Properties = map[string]json.RawMessage{"pitch": d.Properties["pitch"]}
	return d
}

func TestAModelWithSoundAndAFieldOfItsOwn(t *testing.T) {
	h, _ := newHandler(t, band{}.withRate())
	answer, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"la","seed":1,"pitch":1e3}`))
	if err != nil {
		t.Fatal(err)
	}
	res := answer.(*Result)
	if res.Sound != 9.0/8 || res.NumFrames != 9 || len(res.Pieces) != 1 || string(res.Pieces[0].Data) != "la" {
		t.Errorf("answer %+v", res.Pieces)
	}
	path := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(path, res.Video, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path).Output()
	if got := strings.Fields(string(out)); err != nil || fmt.Sprint(got) != "[h264 aac]" {
		t.Errorf("streams %v, %v", got, err)
	}
	if !bytes.Contains(res.Video, []byte(`"pitch":1000`)) {
		t.Error("the model's own field is not in the file")
	}
	if _, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"la","pitch":1}`)); err == nil || !strings.Contains(err.Error(), "50") {
		t.Errorf("too low a pitch: %v", err)
	}
}

func TestSoundAloneIsAWAV(t *testing.T) {
	h, _ := newHandler(t, band{blind: true}.withRate())
	answer, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"la"}`))
	if err != nil {
		t.Fatal(err)
	}
	if res := answer.(*Result); res.ContentType != "audio/wav" || len(res.Video) != 0 || !bytes.HasPrefix(res.Audio, []byte("RIFF")) || res.Sound != 9.0/8 {
		t.Errorf("%s of %d bytes", res.ContentType, len(res.Audio))
	}
	answer, err = h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"la"}`, "audio/wav")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if err != nil || !ok || s.Headers["Content-Type"] != "audio/wav" || s.Headers["X-Videosdgx-Duration"] != "1.125" {
		t.Fatalf("%+v, %v", answer, err)
	}
	s.Close()
	answer, _ = h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"la","output":"stream"}`, "")))
	if r, ok := answer.(events.LambdaFunctionURLResponse); !ok || r.StatusCode != 422 {
		t.Errorf("%+v", answer)
	}
}

// TestNothingIsToldAsNothing: a model whose schema has lost width and height asked for no frames and gives none.
func TestNothingIsToldAsNothing(t *testing.T) {
	h, _ := newHandler(t, film{limits: func(l *Limits) { l.WidthMultiple, l.HeightMultiple = 0, 0 }, generate: func(context.Context, Request, Output) error { return nil }})
	if _, err := h.Invoke(t.Context(), json.RawMessage(`{"prompt":"a"}`)); err == nil || !strings.Contains(err.Error(), "width and height in its schema") {
		t.Error(err)
	}
}

func TestPiecesArePartsOfTheAnswer(t *testing.T) {
	h, _ := newHandler(t, band{}.withRate())
	answer, err := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"la"}`, "multipart/mixed, video/mp4")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if err != nil || !ok {
		t.Fatalf("%+v, %v", answer, err)
	}
	defer s.Close()
	_, params, err := mime.ParseMediaType(s.Headers["Content-Type"])
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(s.Body)
	if err != nil || fmt.Sprint(len(raw)) != s.Headers["Content-Length"] {
		t.Errorf("%d bytes of %s, %v", len(raw), s.Headers["Content-Length"], err)
	}
	var got []string
	for r := multipart.NewReader(bytes.NewReader(raw), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		body, _ := io.ReadAll(p)
		_, d, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		got = append(got, d["name"]+" "+p.FileName()+" "+p.Header.Get("Content-Type"))
		if d["name"] == "clip" && len(frames(t, body)) != 9 {
			t.Error("the clip is not whole")
		}
	}
	if want := "[clip clip.mp4 video/mp4 transcript words.txt text/plain; charset=utf-8]"; fmt.Sprint(got) != want {
		t.Errorf("parts %v", got)
	}
}

func TestAClipAloneIsNotWrapped(t *testing.T) {
	h, _ := newHandler(t, film{})
	answer, err := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a"}`, "multipart/mixed, video/mp4")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if err != nil || !ok || s.Headers["Content-Type"] != "video/mp4" {
		t.Fatalf("%+v, %v", answer, err)
	}
	s.Close()
}

func TestClipsComeAsTheyAreMade(t *testing.T) {
	more := make(chan struct{})
	h, _ := newHandler(t, film{limits: func(l *Limits) { l.MaxFrames = 41 }, generate: func(ctx context.Context, r Request, out Output) error {
		for i := range r.NumFrames {
			if i == 32 { // the first chunk, of 24 frames, is read before these are made
				select {
				case <-more:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			if err := out.Frame(bytes.Repeat([]byte{byte(6 * i)}, r.Width*r.Height*3)); err != nil {
				return err
			}
		}
		return nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := h.Invoke(ctx, json.RawMessage(url("POST", `{"prompt":"a","num_frames":41,"fps":4,"output":"stream","seed":3}`, "")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if err != nil || !ok || s.Headers["X-Videosdgx-Seed"] != "3" {
		t.Fatalf("%+v, %v", answer, err)
	}
	start := make([]byte, 1200)
	if _, err := io.ReadFull(s.Body, start); err != nil {
		t.Fatal(err)
	}
	close(more)
	rest, err := io.ReadAll(s.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := frames(t, append(start, rest...)); len(got) != 41 {
		t.Errorf("%d frames", len(got))
	}
	h, _ = newHandler(t, film{generate: func(context.Context, Request, Output) error { return errors.New("burst") }})
	answer, _ = h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a","output":"stream"}`, "")))
	if r, ok := answer.(events.LambdaFunctionURLResponse); !ok || r.StatusCode != 500 {
		t.Errorf("%+v", answer)
	}
}

// TestWhoStopsReadingEndsTheClip: nobody makes frames for a reader that has left.
func TestWhoStopsReadingEndsTheClip(t *testing.T) {
	ended := make(chan error, 1)
	h, _ := newHandler(t, film{limits: func(l *Limits) { l.MaxFrames = 1 << 20 }, generate: func(ctx context.Context, r Request, out Output) (err error) {
		for i := 0; err == nil; i++ {
			err = out.Frame(bytes.Repeat([]byte{byte(i)}, r.Width*r.Height*3))
		}
		ended <- err
		return err
	}})
	answer, err := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a","output":"stream"}`, "")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if err != nil || !ok {
		t.Fatalf("%+v, %v", answer, err)
	}
	s.Close()
	<-ended
	h.turn <- struct{}{} // until all of it is over
}

func TestWrongPieces(t *testing.T) {
	for want, p := range map[string]Piece{"letters, digits": {Name: "A b", Type: "text/plain"}, "but not clip or sound": {Name: "clip", Type: "text/plain"}, "piece of type": {Name: "a", Type: "x y"}, "two pieces": {Name: "b", Type: "text/plain"}} {
		h, _ := newHandler(t, film{generate: func(_ context.Context, _ Request, out Output) error {
			if err := out.Piece(Piece{Name: "b", Type: "text/plain"}); err != nil {
				return err
			}
			return out.Piece(p)
		}})
		if _, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"a"}`)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestFilesBesideTheEvent: pictures and clips by name, and nothing that lies elsewhere.
func TestFilesBesideTheEvent(t *testing.T) {
	files, scratch := t.TempDir(), t.TempDir()
	clip := filepath.Join(files, "clip.mp4")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-pix_fmt", "yuv420p", clip).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	outside := filepath.Join(scratch, "secret")
	os.WriteFile(outside, []byte("secret"), 0o600)
	os.Symlink(outside, filepath.Join(files, "link"))
	os.Symlink("clip.mp4", filepath.Join(files, "inside"))
	os.Mkdir(filepath.Join(files, "folder"), 0o755)
	in, err := newIntake(band{}.withRate().Describe(), files, scratch)
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.read(context.Background(), []byte(`{"prompt":"a","video":"file:clip.mp4"}`))
	if err != nil || r.Video == nil || r.Video.Width != 64 || r.Video.Path != clip {
		t.Fatalf("%+v, %v", r.Video, err)
	}
	r.release()
	for _, name := range []string{"link", "inside", "folder", "none", "..", "../secret", "a/b"} {
		if _, err := in.read(context.Background(), []byte(`{"prompt":"a","video":"file:`+name+`"}`)); !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "secret\"") {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, _ := os.ReadFile(clip)
	r, err = in.read(context.Background(), encode(map[string]any{"prompt": "a", "video": raw}))
	if err != nil || r.Video == nil || r.Video.Seconds != 1 {
		t.Fatalf("%+v, %v", r.Video, err)
	}
	if _, err := os.Stat(r.Video.Path); err != nil {
		t.Error(err)
	}
	r.release()
	if _, err := in.read(context.Background(), encode(map[string]any{"prompt": "a", "video": raw[:len(raw)/2]})); err == nil || !strings.Contains(err.Error(), "video cannot be used: the MP4 file is cut off") {
		t.Errorf("half a clip: %v", err)
	}
	if left, _ := os.ReadDir(scratch); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSchemaSaysWhatTheLimitsSay(t *testing.T) {
	d := film{limits: func(l *Limits) { l.Image, l.LastImage = "required", "optional" }}.Describe()
	var doc struct {
		Required   []string
		Properties map[string]map[string]any
	}
	if err := json.Unmarshal(Schema(d), &doc); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(doc.Required); got != "[image prompt]" {
		t.Errorf("required %s", got)
	}
	for field, want := range map[string]string{
		"width":      `{"default":32,"description":"Pixels of the width","maximum":96,"minimum":16,"multipleOf":16,"type":"integer"}`,
		"num_frames": `{"default":5,"description":"Frames of the clip","maximum":17,"minimum":1,"type":"integer","x-step":4}`,
		"last_image": `{"description":"The picture that the clip ends with","type":"string","x-file":{"maxBytes":16777216,"types":["image/png","image/jpeg","image/webp","image/gif","image/bmp"]}}`,
		"seed":       `{"description":"The same request and seed give the same clip","maximum":9007199254740991,"minimum":0,"type":"integer","x-default":"random"}`,
		"prompt":     `{"description":"Say what the clip shall show","minLength":1,"pattern":"\\S","type":"string","x-maxBytes":1000,"x-maxTokens":8}`,
		"fps":        `{"default":8,"description":"Frames a second","maximum":60,"minimum":1,"type":"number"}`,
	} {
		if got := string(encode(doc.Properties[field])); got != want {
			t.Errorf("%s: %s", field, got)
		}
	}
	if err := json.Unmarshal(Schema(band{blind: true}.Describe()), &doc); err != nil || string(encode(doc.Properties["pitch"])) == "null" {
		t.Error(err)
	}
	doc.Properties = nil
	json.Unmarshal(Schema(band{blind: true}.Describe()), &doc)
	for _, gone := range []string{"fps", "width", "num_inference_steps", "image"} {
		if doc.Properties[gone] != nil {
			t.Errorf("%s is a field of a model that does not know it", gone)
		}
	}
	bad := Description{Name: "x", Schema: json.RawMessage(`{"properties":{"a":{"$ref":"http://evil/"}}}`)}
	if _, err := newIntake(bad, "", ""); !errdefs.IsInvalidArgument(err) {
		t.Errorf("got %v", err)
	}
}

// loud says that its sound may be asked for alone.
type loud struct{ rated }

func (l loud) Describe() Description {
	d := l.rated.Describe()
	d.Sound = true
	return d
}

func TestSoundAloneWhenAskedFor(t *testing.T) {
	h, _ := newHandler(t, loud{})
	answer, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"la","seed":1,"output":"wav"}`))
	if err != nil {
		t.Fatal(err)
	}
	r := answer.(*Result)
	if r.ContentType != "audio/wav" || string(r.Audio[:4]) != "RIFF" || r.Video != nil || r.NumFrames != 0 || r.Width != 0 || r.Sound != 9./8 {
		t.Errorf("%s, %d bytes of sound, %d of video, %d frames, %g s", r.ContentType, len(r.Audio), len(r.Video), r.NumFrames, r.Sound)
	}
	for accept, want := range map[string]string{"audio/wav": "audio/wav", "audio/*": "audio/wav", "audio/wav, video/mp4": "video/mp4", "video/mp4": "video/mp4"} {
		answer, err = h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"la","seed":1}`, accept)))
		s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
		if err != nil || !ok || s.Headers["Content-Type"] != want {
			t.Fatalf("Accept: %s: %+v, %v", accept, answer, err)
		}
		s.Close()
	}
	e, _ := newHandler(t, band{}.withRate())
	for accept, want := range map[string]string{"audio/wav": "", "audio/*": "", "audio/wav, text/html": "", "audio/wav, video/mp4": "video/mp4", "audio/wav;q=0.5, application/json": "application/json", "audio/wav, */*;q=0.1": "application/json",
		"audio/wav, application/json;q=0": "", "text/html": "", "video/webm, image/*": "", "json": "", "*/*;q=0": "", "text/html, */*;q=0.1": "application/json", " ": "application/json", "text/event-stream": "application/json"} {
		answer, err := e.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"la","seed":1}`, accept)))
		if err != nil {
			t.Fatal(err)
		}
		switch a := answer.(type) {
		case events.LambdaFunctionURLResponse:
			if refused := a.StatusCode == 406 && strings.Contains(a.Body, "There is nothing of what Accept asks for") && strings.HasSuffix(a.Body, "video/mp4 or application/json would do.\"}") && strings.Contains(a.Body, "this model makes no sound") == accepts(accept, "audio/wav"); refused != (want == "") || !refused && a.Headers["Content-Type"] != want {
				t.Errorf("a model without sound, Accept: %s: %d %.200s", accept, a.StatusCode, a.Body)
			}
		case *events.LambdaFunctionURLStreamingResponse:
			if a.Headers["Content-Type"] != want {
				t.Errorf("a model without sound, Accept: %s: %s", accept, a.Headers["Content-Type"])
			}
			a.Close()
		}
	}
	if why := silent(Description{Absent: map[string]string{"output": "this checkpoint is silent"}}); why != "this checkpoint is silent" {
		t.Errorf("a checkpoint that says why: %s", why)
	}
	if _, err := e.Invoke(context.Background(), json.RawMessage(`{"prompt":"la","output":"wav"}`)); err == nil || !strings.Contains(err.Error(), "stream\\\" would do") {
		t.Errorf("a model without sound: %v", err)
	}
}
