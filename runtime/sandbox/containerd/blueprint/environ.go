package blueprint

import "strings"

// environ is a list of NAME=VALUE without repetition.
type environ struct{ list []string }

func newEnviron(list []string) *environ { return &environ{append([]string(nil), list...)} }

func (e *environ) index(name string) int {
	for i, kv := range e.list {
		if strings.HasPrefix(kv, name+"=") {
			return i
		}
	}
	return -1
}

// set replaces.
func (e *environ) set(name, value string) {
	if i := e.index(name); i >= 0 {
		e.list[i] = name + "=" + value
		return
	}
	e.list = append(e.list, name+"="+value)
}

// def sets what is not set.
func (e *environ) def(name, value string) {
	if e.index(name) < 0 {
		e.set(name, value)
	}
}

// add appends to a comma-separated value.
func (e *environ) add(name, value string) {
	if i := e.index(name); i >= 0 {
		value = strings.TrimPrefix(e.list[i], name+"=") + "," + value
	}
	e.set(name, strings.TrimPrefix(value, ","))
}
