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
}

func (f film) Describe() Description {
	d := Description{Name: "film", Family: "test", Defaults: Request{Width: 32, Height: 32, NumFrames: 5, FPS: 8, Steps: 3, Guidance: 4},
		Limits: Limits{WidthMultiple: 16, HeightMultiple: 16, MaxWidth: 100, MaxHeight: 64, FrameStep: 4, MaxFrames: 20, MaxSteps: 100,
			MaxGuidance: 30, MaxFPS: 60, MaxPromptBytes: 1000, MaxTokens: 8, Image: "optional",
			Tokens: func(s string) (int, error) { return len(strings.Fields(s)), nil }}}
	if f.limits != nil {
		f.limits(&d.Limits)
	}
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
	return New(m, quiet(), dir), dir
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
		{url("POST", `{"prompt":""}`, "video/mp4"), `"errors":[{"field":"prompt"`, 400},
		{url("GET", "", ""), `"width_multiple":16`, 200},
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
	if randomSeed() == randomSeed() {
		t.Error("a seed is drawn twice")
	}
}

func TestEverythingWrongAtOnce(t *testing.T) {
	_, err := ParseRequest([]byte(`{"prompt":" ","width":50,"height":"x","num_frames":7,"num_inference_steps":0,"guidance_scale":-1,"fps":0.5,"seed":-2,"image":"QUJD","steps":3,"preview":1}`), film{}.Describe())
	var invalid *InvalidError
	if !errors.As(err, &invalid) || !errdefs.IsInvalidArgument(err) {
		t.Fatalf("got %v", err)
	}
	want := map[string]string{"prompt": "prompt is empty", "width": "48 or 64 would do", "height": `height is "x": it must be a whole number`, "num_frames": "5 or 9 would do",
		"num_inference_steps": "num_inference_steps is 0: 1 to 100", "guidance_scale": "0 to 30", "fps": "1 to 60", "seed": "seed is -2", "image": "no picture that is known here",
		"steps": "num_inference_steps", "preview": "true or false"}
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
		`{"prompt":"a","width":0}`:                      "a multiple of 16 from 16 to 96; 16 would do",
		`{"prompt":"a","width":97}`:                     "from 16 to 96; 96 would do",
		`{"prompt":"a","height":65}`:                    "64 would do",
		`{"prompt":"a","num_frames":0}`:                 "1 would do",
		`{"prompt":"a","num_frames":21}`:                "from 1 to 17; 17 would do",
		`{"prompt":"a","num_frames":2.5}`:               "num_frames is 2.5: it must be a whole number",
		`{"prompt":"a","width":1e300}`:                  "must be a whole number",
		`{"prompt":"a b c d e f g h i"}`:                "prompt has 9 tokens: 8 at most",
		`{"prompt":"` + strings.Repeat("é", 501) + `"}`: "prompt has 1002 bytes: 1000 at most",
		`{"prompt":"\ud800"}`:                           "half a surrogate pair",
		`{"prompt":"a","image":"data:image/png,xx"}`:    "data:image/png;base64",
		`{"prompt":"a","image":"?"}`:                    "not in base64",
		`{"prompt":"a","image":"QUJD"}`:                 "its 3 bytes are no picture that is known here",
		`{"prompt":"a","output":"gif"}`:                 `"json" or "mp4"`,
		`{"prompt":3}`:                                  "must be a string",
		`[]`:                                            `not a JSON object (it is of type array): send JSON such as {"prompt":"…"}.`,
		`{"prompt":"a"`:                                 "not a JSON object (unexpected end of JSON input)",
		`null`:                                          "null",
		``:                                              "empty",
		"{\"prompt\":\"a\xff\"}":                        "not valid UTF-8",
	} {
		if _, err := ParseRequest([]byte(body), film{}.Describe()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", body, want, err)
		}
	}
}

func TestAFieldIsBlamedOnce(t *testing.T) {
	_, err := ParseRequest([]byte(`{"prompt":3}`), film{}.Describe())
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
		r, err := ParseRequest(encode(map[string]any{"prompt": "a", "image": s}), film{}.Describe())
		if err != nil || r.Image == nil || r.Image.Bounds().Dx() != 3 {
			t.Errorf("%v, %v", r.Image, err)
		}
	}
	needs := film{limits: func(l *Limits) { l.Image = "required" }}.Describe()
	if _, err := ParseRequest([]byte(`{"prompt":"a"}`), needs); err == nil || !strings.Contains(err.Error(), "image is missing") {
		t.Errorf("got %v", err)
	}
	without := film{limits: func(l *Limits) { l.Image = "none" }}.Describe()
	if _, err := ParseRequest(encode(map[string]any{"prompt": "a", "image": text}), without); err == nil || !strings.Contains(err.Error(), "leave it out") {
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
		}, "InvalidRequest", 400},
		"other":    {func(context.Context, Request, Output) error { return errors.New("burst") }, "GenerationFailed", 500},
		"damaged":  {func(context.Context, Request, Output) error { return fmt.Errorf("x: %w", errdefs.ErrDataLoss) }, "DamagedModel", 500},
		"deadline": {func(ctx context.Context, _ Request, _ Output) error { <-ctx.Done(); return ctx.Err() }, "Timeout", 504},
		"frames":   {func(_ context.Context, _ Request, o Output) error { return o.Frame(make([]byte, 3)) }, "InvalidRequest", 400},
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

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"prompt":"a","width":48,"seed":1,"image":"QUJD","guidance_scale":1e9}`))
	f.Add([]byte(`{"prompt":"\udc00","num_frames":-1e18,"fps":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRequest(raw, film{}.Describe())
		if err == nil && (r.Width%16 != 0 || r.Width < 16 || r.Width > 100 || r.NumFrames%4 != 1 || r.Steps < 1 || r.Seed < 0 || r.Prompt == "") {
			t.Fatalf("%s was accepted as %+v", raw, r)
		}
	})
}
