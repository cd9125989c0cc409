package schema

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
)

// random is what x-default says of a value that is drawn.
const random = "random"

// Draw sets what the schema draws and the request leaves out, so that whoever repeats the request gets the same again.
func (s *Schema) Draw(o Object) {
	for name, p := range s.properties {
		if _, given := o[name]; !given && p.DefaultBy == random {
			o[name] = json.Number(strconv.FormatInt(p.draw(), 10))
		}
	}
}

func (p Property) draw() int64 {
	lo, hi := int64(0), int64(exact-1)
	if p.Minimum != nil {
		lo = int64(*p.Minimum)
	}
	if p.Maximum != nil {
		hi = int64(*p.Maximum)
	}
	if hi <= lo {
		return lo
	}
	return lo + int64(rand.Uint64N(uint64(hi-lo)+1))
}

// inVain says whether a member needs a file that the request does not have.
func (s *Schema) inVain(o Object, name string) bool {
	return slices.ContainsFunc(s.needs[name], func(other string) bool { return s.properties[other].File != nil && o[other] == nil })
}

// Fill sets everything that the request leaves out: the defaults, and what is drawn. What says something of a file that is not
// there stays out.
func (s *Schema) Fill(o Object) {
	for name, p := range s.properties {
		if _, given := o[name]; given || len(p.Default) == 0 || s.inVain(o, name) {
			continue
		}
		if v, err := value(p.Default); err == nil && v != nil {
			o[name] = v
		}
	}
	s.Draw(o)
}
