package serve

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

type opened struct {
	engine.Engine
	record map[string]int
}

func (e opened) Open(_ context.Context, path string, o engine.Options) (engine.Session, error) {
	e.record[path] = o.Record
	return nil, nil
}

func TestTheDenoiserAloneIsRecorded(t *testing.T) {
	for s, want := range map[string]int{"": 0, "off": 0, "on": usualGraphs, "2": 2, "-1": -1, "yes": -1} {
		t.Setenv(GraphsEnv, s)
		n, err := graphs()
		if (err != nil) != (want < 0) || err == nil && n != want {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	e := opened{record: map[string]int{}}
	for _, path := range []string{"/b/transformer.cuda.onnx", "/b/vae_decoder_next.cuda.onnx"} {
		if _, err := (replayed{e, 3}).Open(context.Background(), path, engine.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if e.record["/b/transformer.cuda.onnx"] != 3 || e.record["/b/vae_decoder_next.cuda.onnx"] != 0 {
		t.Errorf("%v", e.record)
	}
}
