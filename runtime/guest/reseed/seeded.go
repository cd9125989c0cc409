package reseed

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"os"
	"strconv"
	"strings"
)

// seeded finds the generators that rand.NewSource of Go's math/rand gives: two indices that run down together, and 607 words.
// What they hold came from the program, and is told rather than changed.
type seeded struct{}

const (
	sourceLen = 607
	sourceGap = 607 - 273
	// sourceWords is how many of the words are looked at.
	sourceWords = 38
)

func (seeded) next(b []byte, off, n int) int {
	for ; off < n; off += 8 {
		tap, feed := binary.NativeEndian.Uint64(b[off:]), binary.NativeEndian.Uint64(b[off+8:])
		if tap < sourceLen && feed < sourceLen && (tap+sourceGap)%sourceLen == feed && mixed(b[off+16:off+16+8*sourceWords]) {
			return off
		}
	}
	return n
}

func (seeded) fresh() []byte { return nil }

// mixed tells whether words look random: none is 0, and about half of the bits are set, within six deviations.
func mixed(b []byte) bool {
	ones := 0
	for ; len(b) >= 8; b = b[8:] {
		w := binary.NativeEndian.Uint64(b)
		if w == 0 {
			return false
		}
		ones += bits.OnesCount64(w)
	}
	const middle, most = sourceWords * 32, 148
	return ones > middle-most && ones < middle+most
}

// pcg is the name of a method that is in a Go program only if it makes such generators, of two numbers that nothing tells
// from others. It is put together, so that this program does not hold it.
var pcg = []byte(strings.ReplaceAll("math/rand/v2.(*P-CG).Uint64", "-", ""))

// goRepeats names what a Go program has besides the runtime's generators.
func goRepeats(pid int) string {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	defer f.Close()
	if holdsText(f, pcg) {
		return "Go with generators that it seeds itself (math/rand/v2's PCG)"
	}
	return ""
}

// holdsText says whether a text is in what is read, however long that is.
func holdsText(r io.Reader, text []byte) bool {
	b := make([]byte, 1<<20)
	for kept := 0; ; {
		n, err := io.ReadFull(r, b[kept:])
		if bytes.Contains(b[:kept+n], text) {
			return true
		}
		if err != nil {
			return false
		}
		kept = copy(b, b[len(b)-len(text):])
	}
}
