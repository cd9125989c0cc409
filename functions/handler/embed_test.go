package handler

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// worded is a model that gives vectors.
type worded struct{ film }

func (worded) Describe() Description {
	d := film{}.Describe()
	d.Limits.MaxPromptBytes = 20
	d.Embed = func(_ context.Context, text string) ([]float32, error) { return []float32{float32(len(text)), -1}, nil }
	return d
}

func embedded(t *testing.T, h *Handler, body string) events.LambdaFunctionURLResponse {
	t.Helper()
	event, err := json.Marshal(map[string]any{"version": "2.0", "rawPath": "/embed", "body": body,
		"requestContext": map[string]any{"http": map[string]any{"method": "POST", "path": "/embed"}}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return out.(events.LambdaFunctionURLResponse)
}

func TestTextsAreGivenAsVectors(t *testing.T) {
	h, _ := newHandler(t, worded{})
	a := embedded(t, h, `{"prompts":["abc","abcd"]}`)
	var got Embeddings
	if a.StatusCode != http.StatusOK || json.Unmarshal([]byte(a.Body), &got) != nil || len(got.Vectors) != 2 || got.Dimensions != 2 {
		t.Fatalf("%+v", a)
	}
	if v := math.Float32frombits(binary.LittleEndian.Uint32(got.Vectors[1])); v != 4 {
		t.Errorf("%v", v)
	}
	for body, want := range map[string]int{`{"prompts":[]}`: 422, `{}`: 422, `{"prompts":["` + strings.Repeat("a", 21) + `"]}`: 422, `[`: 400, `{"prompts":["a"],"Prompts":["b"]}`: 400,
		`{"prompts":["a"` + strings.Repeat(`,"a"`, maxEmbedded) + `]}`: 422} {
		if a := embedded(t, h, body); a.StatusCode != want {
			t.Errorf("%.40s: %d %s", body, a.StatusCode, a.Body)
		}
	}
	plain, _ := newHandler(t, film{})
	if a := embedded(t, plain, `{"prompts":["abc"]}`); a.StatusCode != http.StatusNotImplemented {
		t.Errorf("%+v", a)
	}
}
