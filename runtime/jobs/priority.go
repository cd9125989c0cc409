package jobs

import "fmt"

// Priority orders jobs; ageing lifts the neglected (policy.go).
type Priority int

// The three priorities.
const (
	Low    Priority = -1
	Normal Priority = 0
	High   Priority = 1
)

// MarshalText gives "low", "normal" or "high".
func (p Priority) MarshalText() ([]byte, error) {
	switch {
	case p < Normal:
		return []byte("low"), nil
	case p > Normal:
		return []byte("high"), nil
	}
	return []byte("normal"), nil
}

func (p Priority) String() string { b, _ := p.MarshalText(); return string(b) }

// UnmarshalText reads what MarshalText writes; "" is normal.
func (p *Priority) UnmarshalText(b []byte) error {
	switch string(b) {
	case "low":
		*p = Low
	case "normal", "":
		*p = Normal
	case "high":
		*p = High
	default:
		return fmt.Errorf("%q is not a priority: write high, normal or low", b)
	}
	return nil
}
