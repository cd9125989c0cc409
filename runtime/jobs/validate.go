package jobs

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds that hold for every model; a model's own are checked by its function.
const (
	MaxPrompt   = 8 << 10   // bytes
	MaxImage    = 16 << 20  // bytes, decoded
	MaxSide     = 8192      // pixels
	MaxFrames   = 4096      //
	MaxSteps    = 1000      //
	MaxGuidance = 100       //
	MaxFPS      = 240       //
	MaxClient   = 128       // bytes
	MaxKey      = 255       // bytes
	MaxWait     = 7 * 86400 // seconds: the longest deadline
	MaxTries    = 10        //
)

// bounds are the limits of numeric fields, inclusive.
var bounds = map[string]struct{ lo, hi float64 }{
	"width": {1, MaxSide}, "height": {1, MaxSide}, "num_frames": {1, MaxFrames}, "fps": {1, MaxFPS},
	"num_inference_steps": {1, MaxSteps}, "guidance_scale": {0, MaxGuidance}, "seed": {0, 1<<53 - 1}, // what every JSON reader keeps exactly
	"deadline_seconds": {1, MaxWait}, "max_attempts": {1, MaxTries},
}

// Mistyped is a field whose value is of another type than wanted, which says in words what it must be. A numeric field
// tells its limits as well.
func Mistyped(field, value, wanted string) FieldError {
	e := FieldError{Field: field, Detail: fmt.Sprintf("%s is %s: it must be %s", field, value, wanted)}
	if b, ok := bounds[field]; ok {
		e.Detail += " in " + span(b.lo, b.hi)
		e.Min, e.Max = &b.lo, &b.hi
	}
	e.Detail += "."
	return e
}

// Outside is a numeric field whose value lies outside its limits.
func Outside[T int | int64 | float64](field string, v T) FieldError {
	b := bounds[field]
	return FieldError{Field: field, Detail: fmt.Sprintf("%s is %v: it must lie in %s.", field, v, span(b.lo, b.hi)), Min: &b.lo, Max: &b.hi}
}

func span(lo, hi float64) string {
	plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return plain(lo) + "…" + plain(hi)
}

// Validate checks a submission and gives everything that is wrong with it.
func (s Submit) Validate() []FieldError {
	c := &checker{}
	c.prompt("prompt", s.Request.Prompt)
	if strings.TrimSpace(s.Request.Prompt) == "" {
		c.add("prompt", "prompt is empty: say what the clip shall show.", 1, MaxPrompt)
	}
	if n := s.Request.NegativePrompt; n != nil {
		c.prompt("negative_prompt", *n)
	}
	c.request(s.Request)
	c.settings(s)
	return c.fields
}

type checker struct{ fields []FieldError }

func (c *checker) add(field, detail string, lo, hi float64) {
	c.fields = append(c.fields, FieldError{Field: field, Detail: detail, Min: &lo, Max: &hi})
}

func (c *checker) say(field, detail string) {
	c.fields = append(c.fields, FieldError{Field: field, Detail: detail})
}

func (c *checker) prompt(field, text string) {
	if !utf8.ValidString(text) {
		c.say(field, field+" is not valid UTF-8.")
	}
	if strings.ContainsRune(text, 0) {
		c.say(field, field+" holds a zero byte.")
	}
	if len(text) > MaxPrompt {
		c.add(field, fmt.Sprintf("%s has %d bytes: %d at most.", field, len(text), MaxPrompt), 0, MaxPrompt)
	}
}

func (c *checker) request(r Request) {
	within(c, "width", r.Width)
	within(c, "height", r.Height)
	within(c, "num_frames", r.NumFrames)
	within(c, "fps", r.FPS)
	within(c, "num_inference_steps", r.Steps)
	within(c, "guidance_scale", r.Guidance)
	within(c, "seed", r.Seed)
	c.image(r.Image)
}

func within[T int | int64 | float64](c *checker, field string, v *T) {
	if v == nil {
		return
	}
	if f, b := float64(*v), bounds[field]; !(f >= b.lo && f <= b.hi) { // so that NaN is outside
		c.fields = append(c.fields, Outside(field, *v))
	}
}

func (c *checker) image(s string) {
	if s == "" {
		return
	}
	if strings.HasPrefix(s, "data:") {
		head, data, ok := strings.Cut(s, ",")
		if !ok || !strings.HasSuffix(head, ";base64") {
			c.say("image", "image is a data: URL without base64: write data:image/png;base64,….")
			return
		}
		s = data
	}
	if n := base64.StdEncoding.DecodedLen(len(s)); n > MaxImage+2 {
		c.add("image", fmt.Sprintf("image has about %d bytes: %d at most.", n, MaxImage), 1, MaxImage)
		return
	}
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		c.say("image", "image is not base64: send a PNG or JPEG file in standard base64.")
	}
}

func (c *checker) settings(s Submit) {
	if s.Deadline != 0 {
		within(c, "deadline_seconds", &s.Deadline)
	}
	if s.MaxAttempts != 0 {
		within(c, "max_attempts", &s.MaxAttempts)
	}
	if s.Webhook != "" {
		if u, err := url.Parse(s.Webhook); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(s.Webhook) > 2048 {
			c.say("webhook", "webhook is not an http(s) address of at most 2048 bytes.")
		}
	}
	c.name("client", s.Client, MaxClient)
	c.name("Idempotency-Key", s.Key, MaxKey)
}

func (c *checker) name(field, v string, most int) {
	if len(v) > most {
		c.add(field, fmt.Sprintf("%s has %d bytes: %d at most.", field, len(v), most), 0, float64(most))
	}
	for _, r := range v {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			c.say(field, field+" holds a control character.")
			return
		}
	}
}
