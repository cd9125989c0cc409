package handler

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/videosdgx/videosdgx/functions/media"
)

// Result is the answer to a plain request.
type Result struct {
	Video       []byte             `json:"video"` // MP4; base64 in JSON
	ContentType string             `json:"content_type"`
	Prompt      string             `json:"prompt"`
	Seed        int64              `json:"seed"`
	Width       int                `json:"width"`
	Height      int                `json:"height"`
	NumFrames   int                `json:"num_frames"`
	FPS         float64            `json:"fps"`
	Steps       int                `json:"num_inference_steps"`
	Guidance    float64            `json:"guidance_scale"`
	Timings     map[string]float64 `json:"timings"` // seconds, by phase and in total
	Model       string             `json:"model"`
	Latents     string             `json:"latents_sha256,omitempty"` // digest of the latents: same request and seed, same digest
}

// Handler answers events with a Model.
type Handler struct {
	model   Model
	d       Description
	api     *runtimeAPI
	log     *slog.Logger
	scratch string
	turn    chan struct{} // holds the one place for a clip in the making
}

// New makes a handler. scratch is where clips are made; "" is the system's temporary folder.
func New(m Model, log *slog.Logger, scratch string) *Handler {
	return &Handler{model: m, d: m.Describe(), api: fromEnvironment(), log: log, scratch: scratch, turn: make(chan struct{}, 1)}
}

// generate makes one clip as a file, which the caller removes.
func (h *Handler) generate(ctx context.Context, r Request) (*media.File, Result, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, Result{}, context.Cause(ctx)
	}
	start := time.Now()
	id := ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		id = lc.AwsRequestID
	}
	ctx, unwatch := watchCancel(ctx, h.api, id)
	defer h.api.rest()
	defer unwatch()
	rep := newReporter(h.api, id, h.log, start)
	run := &run{h: h, r: r, clock: newStopwatch(start), report: rep}
	file, err := run.do(ctx)
	rep.close()
	debug.FreeOSMemory() // a clip's frames and tensors are not kept until the next one
	if err == nil {
		return file, run.result(file), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = fmt.Errorf("the clip was given up: %w", cause)
	}
	return nil, Result{}, err
}

// run is one clip in the making.
type run struct {
	h       *Handler
	r       Request
	clock   *stopwatch
	report  *reporter
	encoder *media.Encoder
	frames  int
	latents string
}

func (g *run) do(ctx context.Context) (*media.File, error) {
	meta := encode(struct {
		Model string `json:"model"`
		Request
	}{g.h.d.Name, g.r})
	var err error
	g.encoder, err = media.NewEncoder(ctx, media.Spec{Width: g.r.Width, Height: g.r.Height, FPS: g.r.FPS, Comment: string(meta), Dir: g.h.scratch})
	if err != nil {
		return nil, err
	}
	defer g.encoder.Abort()
	err = g.h.model.Generate(ctx, g.r, Output{Progress: g.progress, Frame: g.frame, Latents: g.digest})
	if g.encoder.Broken() {
		_, err = g.encoder.Close() // says why ffmpeg has gone
	}
	if err != nil {
		return nil, err
	}
	g.progress(Progress{Phase: "mux", Step: 1, Steps: 1})
	return g.encoder.Close()
}

func (g *run) progress(p Progress) {
	g.clock.at(p.Phase)
	if g.report.api.has("progress") {
		if !g.r.Preview {
			p.Preview = nil
		}
		g.report.put(p)
	}
}

func (g *run) frame(rgb []byte) error {
	if err := g.encoder.Frame(rgb); err != nil {
		return err
	}
	g.frames++
	if g.r.Preview && g.frames == 1 {
		poster := media.RGB{Pix: append([]byte(nil), rgb...), Width: g.r.Width, Height: g.r.Height}
		g.progress(Progress{Phase: "decode", Step: 1, Steps: g.r.NumFrames, Preview: poster})
	}
	return nil
}

func (g *run) digest(values []float32) {
	h, buf := sha256.New(), make([]byte, 0, 4096)
	for i, v := range values {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == cap(buf) || i == len(values)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	g.latents = hex.EncodeToString(h.Sum(nil))
}

func (g *run) result(f *media.File) Result {
	r := g.r
	return Result{ContentType: "video/mp4", Prompt: r.Prompt, Seed: r.Seed, Width: r.Width, Height: r.Height, NumFrames: f.Frames, FPS: r.FPS,
		Steps: r.Steps, Guidance: r.Guidance, Timings: g.clock.stop(), Model: g.h.d.Name, Latents: g.latents}
}

func remove(f *media.File) { os.Remove(f.Path) }
