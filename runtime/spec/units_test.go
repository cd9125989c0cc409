package spec

import (
	"math"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "17": 17, "512MiB": 512 << 20, "2GiB": 2 << 30, "1 GB": 1e9, "1.5KiB": 1536, "512Mi": 512 << 20, "2Gi": 2 << 30, "4 Ki": 4096, "1Ti": 1 << 40, "3TiB": 3 << 40, " 8B ": 8,
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q is %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1PB", "one", "NaN", "Inf", "9223372036854775808", "1e300"} {
		b := Bytes(5)
		if err := b.UnmarshalText([]byte(text)); err == nil || b != 5 {
			t.Errorf("%q was taken as %d", text, b)
		}
	}
	for b, want := range map[Bytes]string{0: "0", 1000: "1000", 1 << 10: "1KiB", 3 << 29: "1536MiB", 5 << 40: "5TiB"} {
		if b.String() != want {
			t.Errorf("%d is written %s, want %s", int64(b), b, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"0s": 0, "500ms": 500 * time.Millisecond, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.D() != want {
			t.Errorf("%q is %v, %v; want %v", text, d, err, want)
		}
	}
	for _, text := range []string{"", "15", "-1s", "a minute", "1d"} {
		d := Duration(5)
		if err := d.UnmarshalText([]byte(text)); err == nil || d != 5 {
			t.Errorf("%q was taken as %v", text, d)
		}
	}
}

// FuzzUnits: what is read is not negative, and what is written reads back as the same.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"512MiB", "1GB", "0.1TiB", "7", "15m", "1h2m3.5s", "9007199254740993", "0x1p62"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b, again Bytes
		if b.UnmarshalText([]byte(s)) == nil {
			if b < 0 {
				t.Fatalf("%q is %d bytes", s, b)
			}
			text, _ := b.MarshalText()
			// beyond 2^53, which is 8 PiB, sizes are read to the precision of a float64
			if err := again.UnmarshalText(text); b < 1<<53 && (err != nil || again != b) || math.Abs(float64(again-b)) > 1<<10 && err == nil {
				t.Fatalf("%q is written %s, which reads as %d, %v", s, text, again, err)
			}
		}
		var d, same Duration
		if d.UnmarshalText([]byte(s)) == nil {
			if text, _ := d.MarshalText(); d < 0 || same.UnmarshalText(text) != nil || same != d {
				t.Fatalf("%q is written %s, which reads as %v", s, text, same)
			}
		}
	})
}
