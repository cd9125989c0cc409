package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/internal/sentence"
)

// maxSeed is what every JSON reader keeps exactly.
const maxSeed = 1<<53 - 1

// intake reads requests for one model.
type intake struct {
	d       Description
	schema  *schema.Schema
	files   string // the folder that the runtime lays files into; "" without one
	scratch string
	memory  int64 // that the instance may take, in bytes; 0: no limit is known
}

// newIntake compiles the model's schema.
func newIntake(d Description, files, scratch string) (*intake, error) {
	compile := schema.Compile
	if d.Sealed {
		compile = schema.Known
	}
	if d.Schema == nil {
		d.Schema = Schema(d)
	}
	s, err := compile(d.Schema)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", d.Name, err)
	}
	return &intake{d: d, schema: s, files: files, scratch: scratch}, nil
}

// read checks a request and fills in what it leaves out. The error is a *MalformedError for what is no request at all, an
// *InvalidError with everything that is wrong, or that the context has ended. Request.release ends what was opened.
func (in *intake) read(ctx context.Context, body []byte) (r Request, err error) {
	o, err := schema.Parse(body)
	if err != nil {
		return r, &MalformedError{reason: err}
	}
	w := &wrongs{}
	output, isText := o["output"].(string)
	if o["output"] != nil && (!isText || !slices.Contains(in.outputs(), output)) {
		why := ""
		if output == WAV && !in.d.Sound {
			why = silent(in.d) + "; "
		}
		w.add("output", "output: %s%s would do.", why, quotedOr(in.outputs()))
	}
	delete(o, "output")
	for _, bad := range in.schema.Check(o) {
		w.fields = append(w.fields, FieldError{Field: bad.Field, Value: bad.Value, Detail: bad.Detail})
	}
	in.tokens(o, w)
	in.schema.Fill(o)
	if err := w.err(); err != nil {
		return r, err
	}
	r = request(o)
	r.Output = output
	r.release, err = in.open(ctx, &r, len(body), w)
	if err == nil {
		err = w.err()
	}
	if err != nil {
		r.release()
	}
	return r, err
}

// outputs are the forms that an answer may have.
func (in *intake) outputs() []string {
	if in.d.Sound {
		return []string{"json", "mp4", "stream", WAV}
	}
	return []string{"json", "mp4", "stream"}
}

// quotedOr is `"a", "b" or "c"`.
func quotedOr(words []string) string {
	last := len(words) - 1
	return `"` + strings.Join(words[:last], `", "`) + `" or "` + words[last] + `"`
}

func nothing() {}

// tokens counts those of the prompts, which no schema can.
func (in *intake) tokens(o schema.Object, w *wrongs) {
	most, count := in.d.Limits.MaxTokens, in.d.Limits.Tokens
	if most == 0 || count == nil {
		return
	}
	for _, field := range []string{"prompt", "negative_prompt"} {
		text := o.Text(field)
		if text == "" || w.blames(field) {
			continue
		}
		switch n, err := count(text); {
		case errdefs.IsInvalidArgument(err):
			w.add(field, "%s: %s.", field, sentence.Of(err))
		case n > most:
			w.add(field, "%s has %d tokens: %d at most, about %d words.", field, n, most, most*3/4)
		}
	}
}

// request takes the usual fields out of a checked object. What is not there, or is of a model's own type, is zero.
func request(o schema.Object) Request {
	r := Request{Prompt: o.Text("prompt"), NegativePrompt: o.Text("negative_prompt"), FPS: number(o["fps"]), Guidance: number(o["guidance_scale"]), Values: o}
	for name, into := range map[string]*int{"width": &r.Width, "height": &r.Height, "num_frames": &r.NumFrames, "num_inference_steps": &r.Steps} {
		*into = int(number(o[name]))
	}
	if n, ok := o["seed"].(json.Number); ok {
		r.Seed, _ = strconv.ParseInt(string(n), 10, 64) // checked
	}
	r.Preview, _ = o["preview"].(bool)
	return r
}

func number(v any) float64 {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64() // checked
		return f
	case float64:
		return v
	}
	return 0
}
