package handler

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSeed is what every JSON reader keeps exactly.
const maxSeed = 1<<53 - 1

// parser reads a request field by field and gathers everything that is wrong with it.
type parser struct {
	d      Description
	fields map[string]json.RawMessage
	wrong  []FieldError

	picture string // as it came
}

// ParseRequest reads a request's JSON, fills in the model's defaults and checks it against the model's limits. The error
// is an *InvalidError with everything that is wrong.
func ParseRequest(raw []byte, d Description) (Request, error) {
	p := &parser{d: d}
	if err := p.open(raw); err != nil {
		return Request{}, err
	}
	r := d.Defaults
	r.Output = "json"
	readers := map[string]func(json.RawMessage){
		"prompt": p.text("prompt", &r.Prompt), "negative_prompt": p.text("negative_prompt", &r.NegativePrompt),
		"width": p.whole("width", &r.Width), "height": p.whole("height", &r.Height), "num_frames": p.whole("num_frames", &r.NumFrames),
		"num_inference_steps": p.whole("num_inference_steps", &r.Steps), "fps": p.number("fps", &r.FPS), "guidance_scale": p.number("guidance_scale", &r.Guidance),
		"seed": p.seed(&r.Seed), "image": p.image(), "preview": p.flag("preview", &r.Preview), "output": p.output(&r.Output),
	}
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		read := readers[name]
		if read == nil {
			p.add(name, nil, "%s is not a field of a request: %s are.", name, strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
		} else if string(p.fields[name]) != "null" {
			read(p.fields[name])
		}
	}
	if p.fields["seed"] == nil || string(p.fields["seed"]) == "null" {
		r.Seed = randomSeed()
	}
	p.check(r)
	p.openImage(&r)
	if len(p.wrong) > 0 {
		return Request{}, &InvalidError{Fields: p.wrong}
	}
	return r, nil
}

func (p *parser) open(raw []byte) error {
	detail := ""
	switch {
	case !utf8.Valid(raw):
		detail = "the request is not valid UTF-8: send JSON text in UTF-8."
	case len(bytes.TrimSpace(raw)) == 0:
		detail = `the request is empty: send JSON such as {"prompt":"…"}.`
	default:
		if err := json.Unmarshal(raw, &p.fields); err != nil {
			detail = fmt.Sprintf(`the request is not a JSON object (%s): send JSON such as {"prompt":"…"}.`, unlike(err))
		} else if p.fields == nil {
			detail = `the request is null: send JSON such as {"prompt":"…"}.`
		}
	}
	if detail != "" {
		return &InvalidError{Fields: []FieldError{{Detail: detail}}}
	}
	return nil
}

func (p *parser) add(field string, value any, format string, args ...any) {
	p.wrong = append(p.wrong, wrong(field, value, format, args...))
}

// blamed says whether something is wrong with the field already.
func (p *parser) blamed(field string) bool {
	return slices.ContainsFunc(p.wrong, func(e FieldError) bool { return e.Field == field })
}

// unlike is why text is no JSON object, without the names of Go's types.
func unlike(err error) string {
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return "it is of type " + other.Value
	}
	return err.Error()
}

func (p *parser) text(field string, into *string) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		if err := json.Unmarshal(raw, into); err != nil {
			p.add(field, shown(raw), "%s is %s: it must be a string.", field, shown(raw))
			return
		}
		if strings.ContainsRune(*into, utf8.RuneError) && !bytes.ContainsRune(raw, utf8.RuneError) && !bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`)) {
			p.add(field, nil, "%s is not valid Unicode: it has half a surrogate pair.", field)
		}
	}
}

// float reads a number; false when it is none, which is then noted.
func (p *parser) float(field string, raw json.RawMessage, what string) (float64, bool) {
	var v float64
	if err := json.Unmarshal(raw, &v); err != nil {
		p.add(field, shown(raw), "%s is %s: it must be %s.", field, shown(raw), what)
		return 0, false
	}
	return v, true
}

func (p *parser) number(field string, into *float64) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		if v, ok := p.float(field, raw, "a number"); ok {
			*into = v
		}
	}
}

func (p *parser) whole(field string, into *int) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		v, ok := p.float(field, raw, "a whole number")
		if ok && (v != math.Trunc(v) || math.Abs(v) > maxSeed) {
			p.add(field, shown(raw), "%s is %s: it must be a whole number.", field, shown(raw))
			return
		}
		if ok {
			*into = int(v)
		}
	}
}

func (p *parser) seed(into *int64) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		v, ok := p.float("seed", raw, "a whole number")
		if ok && (v != math.Trunc(v) || v < 0 || v > maxSeed) {
			p.add("seed", shown(raw), "seed is %s: a whole number from 0 to %d would do.", shown(raw), int64(maxSeed))
			return
		}
		if ok {
			*into = int64(v)
		}
	}
}

func (p *parser) flag(field string, into *bool) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		if json.Unmarshal(raw, into) != nil {
			p.add(field, shown(raw), "%s is %s: true or false would do.", field, shown(raw))
		}
	}
}

func (p *parser) output(into *string) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		if json.Unmarshal(raw, into) != nil || *into != "json" && *into != "mp4" {
			p.add("output", shown(raw), `output is %s: "json" or "mp4" would do.`, shown(raw))
		}
	}
}

// shown is a value as it may be repeated in a message.
func shown(raw json.RawMessage) string {
	const most = 60
	s := string(raw)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func randomSeed() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return int64(binary.LittleEndian.Uint64(b[:]) & maxSeed)
}
