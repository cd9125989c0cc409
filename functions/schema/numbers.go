package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// wanted says in words of what type and size a member is.
func (p Property) wanted() string {
	word := "of another type"
	switch p.Type {
	case "string":
		if p.File != nil {
			return "a file: base64, a data: URL, or upload:ID"
		}
		return "a string"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		if len(p.Properties) > 0 {
			return "an object of " + p.members()
		}
		return "an object"
	case "integer":
		word = "a whole number"
	case "number":
		word = "a number"
	}
	return word + p.span(" in %s…%s", " from %s", " up to %s")
}

// members are the names of what an object may hold, sorted.
func (p Property) members() string { return strings.Join(slices.Sorted(maps.Keys(p.Properties)), ", ") }

// span words the bounds that there are: both, the lower, the upper.
func (p Property) span(both, from, to string) string {
	switch {
	case p.Minimum != nil && p.Maximum != nil:
		return fmt.Sprintf(both, decimal(*p.Minimum), decimal(*p.Maximum))
	case p.Minimum != nil:
		return fmt.Sprintf(from, decimal(*p.Minimum))
	case p.Maximum != nil:
		return fmt.Sprintf(to, decimal(*p.Maximum))
	}
	return ""
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// outside says of a number that does not hold what would: the neighbours on its grid, or the bounds.
func outside(name string, v any, p Property) string {
	step, from := p.grid()
	if step == 0 {
		return fmt.Sprintf("%s is %s: it must lie in %s.", name, text(v), p.span("%s…%s", "%s and above", "%s and below"))
	}
	rule := "a multiple of " + decimal(step)
	if from != 0 {
		rule += " plus " + decimal(from)
	}
	low, high := p.neighbours(asFloat(v), step, from)
	if low != high && p.within(asFloat(v)) {
		return fmt.Sprintf("%s is %s: it must be %s; %s or %s would do.", name, text(v), rule, decimal(low), decimal(high))
	}
	return fmt.Sprintf("%s is %s: it must be %s%s; %s would do.", name, text(v), rule, p.span(" from %s to %s", " from %s", " up to %s"), decimal(low))
}

// lasting bounds a number of frames by how long they may last at the request's own rate, or at the one that it leaves out.
func (s *Schema) lasting(p Property, o Object) Property {
	rate, ok := s.properties["fps"]
	if p.Seconds <= 0 || p.Maximum == nil || !ok {
		return p
	}
	fps, given := asFloat(o["fps"]), o["fps"] != nil
	if !given || !(fps > 0) || !rate.within(fps) {
		if json.Unmarshal(rate.Default, &fps) != nil || !(fps > 0) {
			return p
		}
	}
	if most := math.Floor(p.Seconds*fps) + 1; most < *p.Maximum { // the last frame begins when the time is over
		if step, from := p.grid(); step > 0 {
			most = math.Floor((most-from)/step)*step + from
		}
		if p.Minimum == nil || most >= *p.Minimum {
			p.Maximum = &most
		}
	}
	return p
}

// grid gives the step on which values lie and what is added to its multiples, below the step; a step of 0: no grid.
func (p Property) grid() (step, from float64) {
	if p.Step == 0 {
		return p.MultipleOf, 0
	}
	if p.Minimum != nil {
		from = math.Mod(*p.Minimum, p.Step)
	}
	return p.Step, from
}

// neighbours are the values on the grid below and above v, equal where only one of them lies within the bounds.
func (p Property) neighbours(v, step, from float64) (low, high float64) {
	low = math.Floor((v-from)/step)*step + from
	high = low + step
	if p.Minimum != nil {
		least := math.Ceil((*p.Minimum-from)/step)*step + from
		low, high = max(low, least), max(high, least)
	}
	if p.Maximum != nil {
		most := math.Floor((*p.Maximum-from)/step)*step + from
		low, high = min(low, most), min(high, most)
	}
	return low, high
}

func (p Property) within(v float64) bool {
	return (p.Minimum == nil || v >= *p.Minimum) && (p.Maximum == nil || v <= *p.Maximum)
}

func asFloat(v any) float64 {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case float64:
		return v
	}
	return 0
}

// maxSteps is how many values Steps lists.
const maxSteps = 2048

// Steps are the values of a property with x-step, for documents that have no word for it; nil when it has none, no bounds,
// or too many.
func (p Property) Steps() []any {
	if p.Step <= 0 || p.Minimum == nil || p.Maximum == nil || (*p.Maximum-*p.Minimum)/p.Step > maxSteps {
		return nil
	}
	out := []any{}
	for v := *p.Minimum; v <= *p.Maximum; v += p.Step {
		out = append(out, v)
	}
	return out
}
