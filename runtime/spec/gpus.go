package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// GPUs are the devices of an instance: CDI names, "all", or a number of any, which is one element that is no name.
type GPUs []string

// AnyGPUs are n GPUs, whichever have room.
func AnyGPUs(n int) GPUs { return GPUs{anyOf + strconv.Itoa(n)} }

const anyOf = "any "

// Any is how many GPUs are asked for by their number; 0 when they are asked for by name, or none is.
func (g GPUs) Any() int {
	if len(g) != 1 {
		return 0
	}
	s, ok := strings.CutPrefix(g[0], anyOf)
	n, err := strconv.Atoi(s)
	if !ok || err != nil || n < 0 {
		return 0
	}
	return n
}

// Several is how many GPUs an instance has that is given more than one; 0 where it is one, none, or all that there are.
func (g GPUs) Several() int {
	if n := g.Count(); n > 1 {
		return n
	}
	return 0
}

// Count is how many GPUs an instance has; "all" counts as one.
func (g GPUs) Count() int { return max(g.Any(), len(g)) }

// UnmarshalJSON reads a list of names, a number, or one word as SetScalar takes it.
func (g *GPUs) UnmarshalJSON(b []byte) error {
	var word string
	switch {
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		return g.SetScalar(string(b))
	case json.Unmarshal(b, &word) == nil && string(b) != "null":
		return g.SetScalar(word)
	}
	return json.Unmarshal(b, (*[]string)(g))
}

// mostGPUs is more than any machine has.
const mostGPUs = 64

// SetScalar makes it what a single value says: "all", the CDI name of one, or so many of any; 0 is none.
func (g *GPUs) SetScalar(s string) error {
	if s == "all" || strings.Contains(s, "=") {
		*g = GPUs{s}
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > mostGPUs {
		return fmt.Errorf("%s GPUs cannot be given: a number from 0 to %d, all, or a list of names would do", s, mostGPUs)
	}
	*g = nil
	if n > 0 {
		*g = AnyGPUs(n)
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (g GPUs) MarshalJSON() ([]byte, error) { return json.Marshal(g.plain()) }

func (g GPUs) plain() any {
	if n := g.Any(); n > 0 {
		return n
	}
	return []string(g)
}
