package media

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/containerd/errdefs"
)

// FuzzWAV: sound is refused, or its file says of itself what it holds.
func FuzzWAV(f *testing.F) {
	f.Add(48000, 2, []byte{0, 0, 128, 63, 0, 0, 128, 191, 0, 0, 192, 127, 0, 0, 0, 0})
	f.Add(0, -1, []byte{})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, rate, channels int, raw []byte) {
		s := Sound{Rate: rate, Channels: channels, Samples: make([]float32, len(raw)/4)}
		for i := range s.Samples {
			s.Samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		w := NewWAV(dir)
		defer w.Abort()
		if err := w.Sound(s); err != nil {
			if !errdefs.IsInvalidArgument(err) {
				t.Fatal(err)
			}
			return
		}
		file, err := w.Close()
		if err != nil {
			if len(s.Samples) > 0 || err != ErrNoSound { //nolint:errorlint // it is returned as it is
				t.Fatal(err)
			}
			return
		}
		defer os.Remove(file.Path)
		b, err := os.ReadFile(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		le, size := binary.LittleEndian, 2*len(s.Samples)
		if len(b) != 44+size || int(le.Uint32(b[4:])) != 36+size || int(le.Uint32(b[40:])) != size || int(le.Uint32(b[24:])) != rate || int(le.Uint32(b[28:])) != 2*channels*rate {
			t.Fatalf("%d samples of %d channels at %d Hz: %d bytes, %x", len(s.Samples), channels, rate, len(b), b[:44])
		}
	})
}
