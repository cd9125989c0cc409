package serve

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// The toy family is a model that is not Wan's: a linear layer that turns noise into colours, frame after frame, each adding to
// the one before, which stays on the device. It builds, serves and generates through the rooms that every family shares.
const toyFamily = "toy"

type toyConfig struct {
	Side int64 `json:"side"`
}

func (c toyConfig) graph(o nn.Options) (*nn.Net, error) {
	g := nn.New("painter", "painter", o)
	x := g.Input("noise", onnx.Float32, "pixels", 4)
	y := g.Add(g.Dense(x, "paint", 4, 3, true), g.State("canvas", "pixels", 3))
	g.Output("rgb", g.Sigmoid(y), onnx.Float32, "pixels", 3)
	g.Keep("canvas.next", y, "pixels", 3)
	return g, nil
}

func toyConfigOf(by map[string]json.RawMessage) (c toyConfig, err error) {
	return c, bundle.Decode(by, map[string]any{"painter": &c})
}

func toyRecipe(ckpt *weights.Checkpoint) (bundle.Recipe, error) {
	r := bundle.FromCheckpoint(toyFamily, ckpt)
	c, err := toyConfigOf(r.Configs)
	r.Graphs = []bundle.Graph{{Name: "painter", Component: "painter", Build: c.graph}}
	return r, err
}

type toy struct {
	c        toyConfig
	name     string
	sessions *bundle.Sessions
}

func openToy(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	if err := m.Is(toyFamily); err != nil {
		return nil, err
	}
	c, err := toyConfigOf(m.Configs)
	return toy{c, m.Name, m.Open(ctx, []string{"painter"})}, err
}

func (t toy) Describe() handler.Description {
	return handler.Description{Name: t.name, Family: toyFamily, Limits: handler.Limits{MaxFrames: 9}}
}

func (t toy) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	pixels := t.c.Side * t.c.Side
	var canvas engine.Value = engine.Zeros(pixels, 3)
	defer func() { canvas.Close() }()
	for i := range r.NumFrames {
		in := engine.Values{"noise": engine.Floats(noise.Normal(uint64(r.Seed)+uint64(i), int(4*pixels)), pixels, 4), "canvas": canvas}
		got, err := t.sessions.Run(ctx, "painter", in, "canvas.next")
		if err != nil {
			return err
		}
		canvas.Close()
		canvas = got["canvas.next"]
		out.Progress(handler.Progress{Phase: "paint", Step: i + 1, Steps: r.NumFrames})
		rgb := make([]byte, 0, 3*pixels)
		for _, v := range got.Float32("rgb") {
			rgb = append(rgb, byte(255*v))
		}
		if err := out.Frame(rgb); err != nil {
			return err
		}
	}
	return nil
}

func toyCheckpoint(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	painter := filepath.Join(dir, "painter")
	if err := os.Mkdir(painter, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(dir, "model_index.json"): `{"_class_name":"ToyPipeline","painter":["toys","Painter"]}`,
		filepath.Join(painter, "config.json"):  `{"side":8}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := weights.Write(filepath.Join(painter, "model.safetensors"), []weights.Tensor{
		weights.Float32Tensor("paint.weight", []int64{3, 4}, []float32{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}),
		weights.Float32Tensor("paint.bias", []int64{3}, []float32{0, 0, 1}),
	}, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestASecondFamilyLivesInTheSharedRooms(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "toy")
	family, err := Families{{Name: toyFamily, Classes: []string{"ToyPipeline"}, Recipe: toyRecipe, Open: openToy}}.Of(toyCheckpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Build(ctx, toyCheckpoint(t), dir, family.Recipe, bundle.Options{Name: "toy"}); err != nil {
		t.Fatal(err)
	}
	m, err := Bundle(family.Open)(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.(placed).Model.(plain).Model.(toy).sessions.Close()
	var clip [][]byte
	err = m.Generate(ctx, handler.Request{NumFrames: 3, Seed: 7}, handler.Output{
		Progress: func(handler.Progress) {}, Latents: func([]float32) {},
		Frame: func(rgb []byte) error { clip = append(clip, rgb); return nil },
	})
	if err != nil || len(clip) != 3 || len(clip[0]) != 3*8*8 {
		t.Fatalf("%d frames, %v", len(clip), err)
	}
	if d := m.Describe(); d.Name != "toy" || d.Family != toyFamily {
		t.Errorf("it is %+v", d)
	}
	if blue := clip[2][2]; string(clip[0]) == string(clip[1]) || blue == 0 {
		t.Error("the canvas does not go from frame to frame")
	}
}
