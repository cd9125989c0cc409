package magi1

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/internal/browsertest"
)

// paused is the tiny model whose second chunk waits for the test.
type paused struct {
	handler.Model
	goOn chan struct{}
}

func (p paused) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	cut, chunks := out.Cut, 0
	out.Cut = func() error {
		if err := cut(); err != nil {
			return err
		}
		if chunks++; chunks > 1 {
			return nil
		}
		select {
		case <-p.goOn:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return p.Model.Generate(ctx, r, out)
}

// playerPage is a page as README.md's "Watching" has it, which keeps what its player tells. The attribute autoplay alone waits for
// HAVE_ENOUGH_DATA, and of an answer whose length nobody knows Chromium says so only when its loader happens to rest: oncanplay does not.
const playerPage = `<!doctype html><video autoplay muted playsinline oncanplay="this.play()"></video><script>
const v = document.querySelector('video'), told = [];
for (const e of ['loadstart', 'loadedmetadata', 'canplay', 'canplaythrough', 'play', 'playing', 'pause', 'waiting', 'stalled', 'suspend', 'error', 'ended'])
  v.addEventListener(e, () => told.push([e, Math.round(performance.now()), v.currentTime, v.readyState, v.networkState, v.paused, document.visibilityState, v.error?.message].join(' ')));
addEventListener('load', () => setTimeout(() => { v.src = '/clip.mp4' })); // a page's load waits for the first picture otherwise
</script>`

// A real browser plays a clip from a prompt while it grows, and nobody presses anything: its time goes on before the second chunk is made, and at the end it
// has played all of it.
func TestABrowserPlaysTheGrowingClip(t *testing.T) {
	ctx := browsertest.Open(t, 90*time.Second)
	goOn := make(chan struct{})
	server := streamingServer(t, goOn)
	if err := chromedp.Do(ctx, chromedp.Navigate(server+"/page")); err != nil {
		t.Fatal(err)
	}
	now := func() float64 {
		t.Helper()
		at, err := chromedp.Run(ctx, chromedp.Evaluate[float64]("document.querySelector('video').currentTime"))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	defer func() {
		if t.Failed() {
			t.Log(chromedp.Run(ctx, chromedp.Evaluate[string]("told.join('\\n')")))
		}
	}()
	await(t, "the first chunk to play", func() bool { return now() > 0.2 })
	if at := now(); at > 1.05 {
		t.Errorf("at %.2f s, and only a second is made", at)
	}
	close(goOn)
	await(t, "all of it to play", func() bool { return now() > 2.9 })
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}

// streamingServer answers /clip.mp4 with what the function streams for a request of three chunks, and /page with a page that plays
// it.
func streamingServer(t *testing.T, goOn chan struct{}) string {
	t.Helper()
	m, err := serve.Open(context.Background(), tinyBundle(t), weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	model, err := Open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.(Model).Close() })
	h, err := handler.New(paused{model, goOn}, slog.New(slog.DiscardHandler), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, playerPage)
	})
	mux.HandleFunc("GET /clip.mp4", func(w http.ResponseWriter, r *http.Request) {
		event, _ := json.Marshal(map[string]any{"version": "2.0", "requestContext": map[string]any{"http": map[string]string{"method": "POST"}}, // plain data
			"body": `{"prompt":"a red circle","seed":5,"num_frames":72,"num_inference_steps":4,"width":96,"height":64,"output":"stream"}`})
		answer, err := h.Invoke(r.Context(), event)
		s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
		if err != nil || !ok {
			t.Errorf("%+v, %v", answer, err)
			return
		}
		defer s.Close()
		w.Header().Set("Content-Type", s.Headers["Content-Type"])
		buf := make([]byte, 64<<10)
		for {
			n, err := s.Body.Read(buf)
			if _, werr := w.Write(buf[:n]); werr != nil || http.NewResponseController(w).Flush() != nil || err == io.EOF {
				return
			}
			if err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
