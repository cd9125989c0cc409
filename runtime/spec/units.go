package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that reads "15m", "90s" or "0s" in manifests and JSON.
type Duration time.Duration

// D returns the standard library's form.
func (d Duration) D() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the form that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a Go duration; it must not be negative.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration: write a number with a unit, such as 500ms, 90s, 15m or 2h", b)
	}
	*d = Duration(v)
	return nil
}

// Bytes is a size in bytes that reads "512MiB", "2GiB", "512Mi", "1GB" or a plain number.
type Bytes int64

var units = []struct {
	suffix string
	size   float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func (b Bytes) String() string {
	for i := 3; i >= 0; i-- {
		if u := Bytes(units[i].size); b >= u && b%u == 0 {
			return strconv.FormatInt(int64(b/u), 10) + units[i].suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText writes the form that UnmarshalText reads.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a number with an optional unit; it must not be negative nor exceed 2^63−1.
func (b *Bytes) UnmarshalText(t []byte) error {
	s, scale := strings.TrimSpace(string(t)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, scale = strings.TrimSpace(rest), u.size
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if v *= scale; err != nil || !(v >= 0 && v < math.MaxInt64) {
		return fmt.Errorf("%q is not a size: write a number with a unit, such as 512MiB, 2GiB or 16GB", t)
	}
	*b = Bytes(v)
	return nil
}

// DefaultMemory is the memory limit of a function whose manifest names none.
const DefaultMemory = Bytes(2 << 30)
