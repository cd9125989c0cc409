package handler

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// film is a model that paints frames of one colour.
type film struct {
	generate func(ctx context.Context, r Request, out Output) error
	limits   func(*Limits)
	fits     func(Request) bool
}

func (f film) Describe() Description {
	d := Description{Name: "film", Family: "test", Defaults: Request{Width: 32, Height: 32, NumFrames: 5, FPS: 8, Steps: 3, Guidance: 4},
		Limits: Limits{WidthMultiple: 16, HeightMultiple: 16, MaxWidth: 100, MaxHeight: 64, FrameStep: 4, MaxFrames: 20, MaxSteps: 100,
			MaxGuidance: 30, MaxFPS: 60, MaxPromptBytes: 1000, MaxTokens: 8, Image: "optional",
			Tokens: func(s string) (int, error) { return len(strings.Fields(s)), nil }}}
	if f.limits != nil {
		f.limits(&d.Limits)
	}
	d.Fits = f.fits
	return d
}

func (f film) Generate(ctx context.Context, r Request, out Output) error {
	if f.generate != nil {
		return f.generate(ctx, r, out)
	}
	out.Latents([]float32{float32(r.Seed), 1})
	for s := range r.Steps {
		out.Progress(Progress{Phase: "denoise", Step: s + 1, Steps: r.Steps})
	}
	for i := range r.NumFrames {
		out.Progress(Progress{Phase: "decode", Step: i + 1, Steps: r.NumFrames})
		if err := out.Frame(bytes.Repeat([]byte{byte(40 * i)}, r.Width*r.Height*3)); err != nil {
			return err
		}
	}
	return nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newHandler(t *testing.T, m Model) (*Handler, string) {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	h, err := New(m, quiet(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return h, dir
}

func frames(t *testing.T, mp4 []byte) []media.RGB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(path, mp4, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := media.Decode(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPlainRequest(t *testing.T) {
	h, _ := newHandler(t, film{})
	answer, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"a","seed":7,"num_frames":9,"width":48.0,"negative_prompt":null}`))
	if err != nil {
		t.Fatal(err)
	}
	var res Result
	if err := json.Unmarshal(encode(answer), &res); err != nil {
		t.Fatal(err)
	}
	if res.Seed != 7 || res.NumFrames != 9 || res.Width != 48 || res.Model != "film" || res.ContentType != "video/mp4" || len(res.Latents) != 64 {
		t.Errorf("answer %+v", res)
	}
	for _, phase := range []string{"denoise", "decode", "mux", "total"} {
		if _, ok := res.Timings[phase]; !ok {
			t.Errorf("no time for %s in %v", phase, res.Timings)
		}
	}
	if got := frames(t, res.Video); len(got) != 9 || got[0].Width != 48 {
		t.Errorf("%d frames", len(got))
	}
	if !bytes.Contains(res.Video, []byte(`"prompt":"a"`)) || !bytes.Contains(res.Video, []byte(`"seed":7`)) {
		t.Error("the parameters are not in the file")
	}
}

func TestPing(t *testing.T) {
	h, _ := newHandler(t, film{generate: func(context.Context, Request, Output) error { panic("a ping does no work") }})
	for _, event := range []string{`{"ping":true}`, url("POST", `{"ping":true}`, "")} {
		answer, err := h.Invoke(context.Background(), json.RawMessage(event))
		if err != nil || !strings.Contains(string(encode(answer)), `pong`) {
			t.Errorf("%s, %v", encode(answer), err)
		}
	}
}

func url(method, body, accept string) string {
	e := events.LambdaFunctionURLRequest{Version: "2.0", Body: body, Headers: map[string]string{"accept": accept}}
	e.RequestContext.HTTP.Method = method
	return string(encode(e))
}

func TestURLStreamsTheClip(t *testing.T) {
	h, _ := newHandler(t, film{})
	answer, err := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a","seed":3}`, "text/html, video/mp4;q=0.9")))
	if err != nil {
		t.Fatal(err)
	}
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if !ok || s.Headers["Content-Type"] != "video/mp4" || s.Headers["X-Videosdgx-Seed"] != "3" {
		t.Fatalf("answer %T %+v", answer, answer)
	}
	raw, err := io.ReadAll(s.Body)
	if err != nil || s.Close() != nil || fmt.Sprint(len(raw)) != s.Headers["Content-Length"] {
		t.Errorf("%d bytes of %s, %v", len(raw), s.Headers["Content-Length"], err)
	}
	if got := frames(t, raw); len(got) != 5 {
		t.Errorf("%d frames", len(got))
	}
}

func TestURLAnswersJSON(t *testing.T) {
	h, _ := newHandler(t, film{})
	for _, c := range []struct {
		event, want string
		status      int
	}{
		{url("POST", `{"prompt":"a"}`, "*/*"), `"video":"AAAA`, 200},
		{url("POST", `{"prompt":""}`, "video/mp4"), `"errors":[{"field":"prompt"`, 422},
		{url("POST", `[]`, ""), "not a JSON object: it is of type array.", 400},
		{url("POST", `{"prompt":"a","prompt":"b"}`, ""), "prompt is in the body more than once: send it once.", 400},
		{url("GET", "", ""), `"multipleOf":16`, 200},
		{url("DELETE", "", ""), "POST a request", 405},
		{strings.Replace(url("POST", "%%", ""), `"isBase64Encoded":false`, `"isBase64Encoded":true`, 1), "not in base64", 400},
		{strings.Replace(url("POST", base64.StdEncoding.EncodeToString([]byte("{\"prompt\":\"\xff\"}")), ""), `"isBase64Encoded":false`, `"isBase64Encoded":true`, 1), "not valid UTF-8", 400},
	} {
		answer, err := h.Invoke(context.Background(), json.RawMessage(c.event))
		r, ok := answer.(events.LambdaFunctionURLResponse)
		if err != nil || !ok || r.StatusCode != c.status || !strings.Contains(r.Body, c.want) {
			t.Errorf("%s: want %d with %s, got %v %+v", c.event, c.status, c.want, err, answer)
		}
	}
}

func TestSameSeedSameAnswer(t *testing.T) {
	h, _ := newHandler(t, film{})
	var got [2]Result
	for i := range got {
		answer, err := h.Invoke(context.Background(), json.RawMessage(`{"prompt":"a","seed":5}`))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = *answer.(*Result)
	}
	if got[0].Latents != got[1].Latents || !bytes.Equal(got[0].Video, got[1].Video) {
		t.Error("same seed, different clip")
	}
	a, _ := read(t, film{}, `{"prompt":"a"}`)
	if b, _ := read(t, film{}, `{"prompt":"a"}`); a.Seed == b.Seed {
		t.Error("a seed is drawn twice")
	}
}

// read gives what a film's handler makes of a body.
func read(t testing.TB, m film, body string) (Request, error) {
	t.Helper()
	in, err := newIntake(m.Describe(), "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.read(context.Background(), []byte(body))
	if err == nil {
		t.Cleanup(r.release)
	}
	return r, err
}

func TestEverythingWrongAtOnce(t *testing.T) {
	_, err := read(t, film{}, `{"prompt":" ","width":50,"height":"x","num_frames":7,"num_inference_steps":0,"guidance_scale":-1,"fps":0.5,"seed":-2,"image":"?","steps":3,"preview":1,"output":"gif"}`)
	var invalid *InvalidError
	if !errors.As(err, &invalid) || !errdefs.IsInvalidArgument(err) {
		t.Fatalf("got %v", err)
	}
	want := map[string]string{"prompt": "prompt is empty", "width": "48", "height": "height is", "num_frames": "5", "num_inference_steps": "1", "guidance_scale": "30", "fps": "60",
		"seed": "seed is -2", "image": "not base64", "steps": "num_inference_steps", "preview": "true or false", "output": `"json", "mp4" or "stream"`}
	for _, f := range invalid.Fields {
		if !strings.Contains(f.Detail, want[f.Field]) || want[f.Field] == "" {
			t.Errorf("%s: %s", f.Field, f.Detail)
		}
		delete(want, f.Field)
	}
	if len(want) != 0 {
		t.Errorf("not mentioned: %v", want)
	}
}

func TestLimitsSayWhatWouldDo(t *testing.T) {
	for body, want := range map[string]string{
		`{"prompt":"a","width":0}`:                                           "16",
		`{"prompt":"a","width":97}`:                                          "96",
		`{"prompt":"a","height":65}`:                                         "64",
		`{"prompt":"a","num_frames":0}`:                                      "1",
		`{"prompt":"a","num_frames":21}`:                                     "17",
		`{"prompt":"a","num_frames":2.5}`:                                    "whole number",
		`{"prompt":"a","width":1e300}`:                                       "width",
		`{"prompt":"a b c d e f g h i"}`:                                     "prompt has 9 tokens: 8 at most",
		`{"prompt":"a","negative_prompt":"` + strings.Repeat("a ", 9) + `"}`: "negative_prompt has 9 tokens",
		`{"prompt":"` + strings.Repeat("é", 501) + `"}`:                      "prompt has 1002 bytes: 1000 at most",
		`{"prompt":"\ud800"}`:                                                "half a surrogate pair",
		`{"prompt":"a","image":"data:image/png,xx"}`:                         "data:image/png;base64",
		`{"prompt":"a","image":"QUJD"}`:                                      "its 3 bytes are no picture that is known here",
		`{"prompt":"a","image":"file:x"}`:                                    "this runtime lays none there",
		`{"prompt":"a","image":"upload:x"}`:                                  "uploads are for the models' REST API",
		`{"prompt":3}`:                                                       "must be a string",
		`[]`:                                                                 `not a JSON object: it is of type array. Send JSON such as {"prompt":"…"}`,
		`{"prompt":"a"`:                                                      "not a JSON object: it ends in the middle",
		`null`:                                                               "null",
		``:                                                                   "empty",
		"{\"prompt\":\"a\xff\"}":                                             "not valid UTF-8",
	} {
		if _, err := read(t, film{}, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", body, want, err)
		}
	}
}

func TestAFieldIsBlamedOnce(t *testing.T) {
	_, err := read(t, film{}, `{"prompt":3}`)
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestImages(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(b.Bytes())
	for _, s := range []string{text, "data:image/png;base64," + text} {
		r, err := read(t, film{}, string(encode(map[string]any{"prompt": "a", "image": s})))
		if err != nil || r.Image == nil || r.Image.Bounds().Dx() != 3 || r.Values["image"] != nil {
			t.Errorf("%v, %v", r.Image, err)
		}
	}
	if _, err := read(t, film{limits: func(l *Limits) { l.Image = "required" }}, `{"prompt":"a"}`); err == nil || !strings.Contains(err.Error(), "image is missing") {
		t.Errorf("got %v", err)
	}
	if _, err := read(t, film{limits: func(l *Limits) { l.Image = "none" }}, `{"prompt":"a","image":"`+text+`"}`); err == nil || !strings.Contains(err.Error(), "not a field") {
		t.Errorf("got %v", err)
	}
}

func TestFailuresHaveTypes(t *testing.T) {
	for name, c := range map[string]struct {
		generate func(context.Context, Request, Output) error
		kind     string
		status   int
	}{
		"request": {func(context.Context, Request, Output) error {
			return fmt.Errorf("no such word: %w", errdefs.ErrInvalidArgument)
		}, "InvalidRequest", 422},
		"other":    {func(context.Context, Request, Output) error { return errors.New("burst") }, "GenerationFailed", 500},
		"damaged":  {func(context.Context, Request, Output) error { return fmt.Errorf("x: %w", errdefs.ErrDataLoss) }, "DamagedModel", 500},
		"deadline": {func(ctx context.Context, _ Request, _ Output) error { <-ctx.Done(); return ctx.Err() }, "Timeout", 504},
		"frames":   {func(_ context.Context, _ Request, o Output) error { return o.Frame(make([]byte, 3)) }, "InvalidRequest", 422},
		"no frame": {func(context.Context, Request, Output) error { return nil }, "GenerationFailed", 500},
	} {
		h, _ := newHandler(t, film{generate: c.generate})
		ctx, cancel := context.WithCancel(context.Background())
		if name == "deadline" {
			ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
		}
		_, err := h.Invoke(ctx, json.RawMessage(`{"prompt":"a"}`))
		var e messages.InvokeResponse_Error
		if !errors.As(err, &e) || e.Type != c.kind || e.Message == "" || strings.HasSuffix(e.Message, "invalid argument") {
			t.Errorf("%s: %+v", name, err)
		}
		answer, _ := h.Invoke(ctx, json.RawMessage(url("POST", `{"prompt":"a"}`, "")))
		if r, ok := answer.(events.LambdaFunctionURLResponse); !ok || r.StatusCode != c.status || !strings.HasPrefix(r.Headers["Content-Type"], "application/problem") {
			t.Errorf("%s: %+v", name, answer)
		}
		cancel()
	}
}

func TestMissingEncoder(t *testing.T) {
	t.Setenv("VIDEOSDGX_FFMPEG", "/nowhere")
	h, _ := newHandler(t, film{})
	answer, _ := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a"}`, "")))
	if r := answer.(events.LambdaFunctionURLResponse); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.Body, "/nowhere") {
		t.Errorf("%+v", r)
	}
}

// FuzzRequest: what is taken keeps to the limits, and nothing but the request is to blame.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"prompt":"a","width":48,"seed":1,"output":"stream","image":"file:a","guidance_scale":1e9}`))
	f.Add([]byte(`{"prompt":"\udc00","num_frames":-1e18,"fps":"x"}`))
	in, err := newIntake(film{}.Describe(), f.TempDir(), f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := in.read(context.Background(), raw)
		if err == nil {
			r.release()
		} else if !errdefs.IsInvalidArgument(err) {
			t.Fatal(err)
		}
		if err == nil && (r.Width%16 != 0 || r.Width < 16 || r.Width > 100 || r.NumFrames%4 != 1 || r.Steps < 1 || r.Seed < 0 || r.Prompt == "") {
			t.Fatalf("%s was accepted as %+v", raw, r)
		}
	})
}
