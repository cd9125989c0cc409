package jobs

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/url"
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
)

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
	between(c, "width", r.Width, 1, MaxSide)
	between(c, "height", r.Height, 1, MaxSide)
	between(c, "num_frames", r.NumFrames, 1, MaxFrames)
	between(c, "fps", r.FPS, 1, MaxFPS)
	between(c, "num_inference_steps", r.Steps, 1, MaxSteps)
	between(c, "guidance_scale", r.Guidance, 0, MaxGuidance)
	between(c, "seed", r.Seed, 0, 1<<53-1) // what every JSON reader keeps exactly
	c.image(r.Image)
}

func between[T int | int64 | float64](c *checker, field string, v *T, lo, hi float64) {
	if v == nil {
		return
	}
	if f := float64(*v); math.IsNaN(f) || f < lo || f > hi {
		c.add(field, fmt.Sprintf("%s is %v: it must lie in %v…%v.", field, *v, lo, hi), lo, hi)
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
	if s.Deadline < 0 || s.Deadline > MaxWait {
		c.add("deadline_seconds", fmt.Sprintf("deadline_seconds is %d: it must lie in 1…%d.", s.Deadline, MaxWait), 1, MaxWait)
	}
	if s.MaxAttempts < 0 || s.MaxAttempts > 10 {
		c.add("max_attempts", fmt.Sprintf("max_attempts is %d: it must lie in 1…10.", s.MaxAttempts), 1, 10)
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
