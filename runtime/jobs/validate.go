package jobs

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Bounds of what the queue itself is told; what a model's request may hold is its own.
const (
	MaxClient = 128       // bytes
	MaxKey    = 255       // bytes
	MaxWait   = 7 * 86400 // seconds: the longest deadline
	MaxTries  = 10        //
)

// bounds are the limits of numeric fields, inclusive.
var bounds = map[string]struct{ lo, hi float64 }{"deadline_seconds": {1, MaxWait}, "max_attempts": {1, MaxTries}}

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
func Outside[T int | int64](field string, v T) FieldError {
	b := bounds[field]
	return FieldError{Field: field, Detail: fmt.Sprintf("%s is %v: it must lie in %s.", field, v, span(b.lo, b.hi)), Min: &b.lo, Max: &b.hi}
}

func span(lo, hi float64) string {
	plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return plain(lo) + "…" + plain(hi)
}

// Validate checks what a submission tells the queue and gives everything that is wrong with it.
func (s Submit) Validate() []FieldError {
	c := &checker{}
	if s.Deadline != 0 {
		within(c, "deadline_seconds", s.Deadline)
	}
	if s.MaxAttempts != 0 {
		within(c, "max_attempts", s.MaxAttempts)
	}
	c.name("client", s.Client, MaxClient)
	c.name("Idempotency-Key", s.Key, MaxKey)
	return c.fields
}

type checker struct{ fields []FieldError }

func (c *checker) say(field, detail string) {
	c.fields = append(c.fields, FieldError{Field: field, Detail: detail})
}

func within[T int | int64](c *checker, field string, v T) {
	if b := bounds[field]; float64(v) < b.lo || float64(v) > b.hi {
		c.fields = append(c.fields, Outside(field, v))
	}
}

func (c *checker) name(field, v string, most int) {
	if len(v) > most {
		lo, hi := 0.0, float64(most)
		c.fields = append(c.fields, FieldError{Field: field, Detail: fmt.Sprintf("%s has %d bytes: %d at most.", field, len(v), most), Min: &lo, Max: &hi})
	}
	for _, r := range v {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			c.say(field, field+" holds a control character.")
			return
		}
	}
}
