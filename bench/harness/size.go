package harness

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseSize reads "64KiB", "1MiB" or "8GiB" as bytes.
func ParseSize(s string) (int64, error) {
	for suffix, unit := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			if v, err := strconv.ParseInt(n, 10, 32); err == nil && v > 0 {
				return v * unit, nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no size: write it as 64KiB, 256MiB or 8GiB", s)
}

// ShortSize writes 8GiB as 8gb, for the name of a figure.
func ShortSize(size string) string { return strings.ToLower(strings.Replace(size, "i", "", 1)) }
