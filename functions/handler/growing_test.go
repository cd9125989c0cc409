package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// chunked is a film whose chunks have 3, 4 and 2 frames; step waits before each but the first.
func chunked(step chan struct{}) film {
	return film{generate: func(ctx context.Context, r Request, out Output) error {
		for i, n := range []int{3, 4, 2} {
			if i > 0 {
				<-step
			}
			for j := range n {
				if err := out.Frame(bytes.Repeat([]byte{byte(60*i + 10*j)}, r.Width*r.Height*3)); err != nil {
					return err
				}
			}
			if err := out.Cut(); err != nil {
				return err
			}
		}
		return nil
	}}
}

// Each chunk is a part that ends when it does; the finished clip follows, of the same samples.
func TestChunksArePartsOfTheAnswer(t *testing.T) {
	step := make(chan struct{}, 2)
	h, _ := newHandler(t, chunked(step))
	answer, err := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a","fps":8}`, "video/mp4, multipart/mixed;stream=1")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if err != nil || !ok {
		t.Fatalf("%+v, %v", answer, err)
	}
	defer s.Close()
	_, params, err := mime.ParseMediaType(s.Headers["Content-Type"])
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(s.Body, params["boundary"])
	var stream []byte
	var seconds []string
	for i := range 4 {
		p, err := r.NextPart()
		if err != nil || p.FileName() != "stream.mp4" {
			t.Fatalf("part %d: %v", i, err)
		}
		raw, err := io.ReadAll(p) // ends although the next chunk is not begun
		if err != nil {
			t.Fatal(err)
		}
		stream, seconds = append(stream, raw...), append(seconds, p.Header.Get("X-Videosdgx-Seconds"))
		if i == 1 || i == 2 {
			step <- struct{}{}
		}
	}
	if !slices.Equal(seconds, []string{"0", "0.375", "0.5", "0.25"}) {
		t.Errorf("they last %v", seconds)
	}
	p, err := r.NextPart()
	if err != nil || p.FileName() != "clip.mp4" {
		t.Fatalf("the clip: %v", err)
	}
	whole, err := io.ReadAll(p)
	if err != nil || len(frames(t, whole)) != 9 || len(frames(t, stream)) != 9 {
		t.Errorf("%d and %d frames, %v", len(frames(t, whole)), len(frames(t, stream)), err)
	}
	if _, err := r.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("then %v", err)
	}
}

func TestOnlyWhoAsksGetsChunks(t *testing.T) {
	h, _ := newHandler(t, film{})
	r := Request{Width: 32, Height: 32}
	for accept, want := range map[string]bool{"multipart/mixed;stream=1": true, "multipart/mixed;stream=auto": false, "multipart/mixed": false, "video/mp4;stream=1": false} {
		if h.streams(accept, r) != want {
			t.Errorf("%q: %v", accept, !want)
		}
	}
	h.d.Streams = true
	if !h.streams("video/mp4, multipart/mixed; stream=auto", r) || h.streams("multipart/mixed;stream=1", Request{}) {
		t.Error("a model that streams by itself does not, or sound does")
	}
}

// What fails before the first chunk has a status; what fails later ends the answer.
func TestAClipThatFailsInTheMiddle(t *testing.T) {
	h, _ := newHandler(t, film{generate: func(context.Context, Request, Output) error { return errors.New("burst") }})
	answer, _ := h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a"}`, "multipart/mixed;stream=1")))
	if r, ok := answer.(events.LambdaFunctionURLResponse); !ok || r.StatusCode != 500 {
		t.Errorf("%+v", answer)
	}
	h, _ = newHandler(t, film{generate: func(_ context.Context, r Request, out Output) error {
		if err := out.Frame(make([]byte, r.Width*r.Height*3)); err != nil {
			return err
		}
		return errors.Join(out.Cut(), errors.New("burst"))
	}})
	answer, _ = h.Invoke(context.Background(), json.RawMessage(url("POST", `{"prompt":"a"}`, "multipart/mixed;stream=1")))
	s, ok := answer.(*events.LambdaFunctionURLStreamingResponse)
	if !ok {
		t.Fatalf("%+v", answer)
	}
	if _, err := io.ReadAll(s.Body); err == nil || err.Error() != "burst" {
		t.Errorf("it ends with %v", err)
	}
}
