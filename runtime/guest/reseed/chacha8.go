package reseed

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"io"
	mrand "math/rand/v2"
	"os"
	"strconv"
)

// chacha8 finds internal/chacha8rand.State as it is since Go 1.22: the runtime has one for each thread and one to seed
// more from. It can be told from all other memory, since the block of output it holds follows from the seed beside it.
type chacha8 struct{}

// Layout of the state, in bytes: buf [32]uint64, seed [4]uint64, i, n, c uint32.
const (
	seedAt   = 32 * 8
	indexAt  = seedAt + 4*8
	stateLen = indexAt + 3*4
)

// goNote begins the note with the build's id that Go's linker puts at the start of every program: the length of the name,
// that of the id (left out here), the type, the name.
var goNote = []byte("\x04\x00\x00\x00Go\x00\x00")

// isGo knows a Go program by that note.
func isGo(pid int) bool {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 16<<10)
	n, _ := io.ReadFull(f, b)
	return bytes.Contains(b[:n], goNote)
}

func (chacha8) next(b []byte, off, n int) int {
	const at = indexAt + 4
	for c := b[at+off : at+max(off, n)]; len(c) >= 8; c = c[8:] {
		if (binary.NativeEndian.Uint32(c)-28)&^4 != 0 { // the count is 28 or 32, which alone rules nearly everything out
			continue
		}
		if off := max(off, n) - len(c); holds(b[off:]) {
			return off
		}
	}
	return n
}

// holds recognises a state: by its counters, then by its block.
func holds(b []byte) bool {
	i := binary.NativeEndian.Uint32(b[indexAt:])
	n := binary.NativeEndian.Uint32(b[indexAt+4:])
	c := binary.NativeEndian.Uint32(b[indexAt+8:])
	if n != 32 && n != 28 || i > n || c > 12 || c%4 != 0 || (n == 28) != (c == 12) {
		return false
	}
	return bytes.Equal(b[:n*8], block(b[seedAt:indexAt], int(c)/4*32, int(n)))
}

// fresh is a whole state with a new seed, such as the runtime makes at its start: it is found again after the next restore.
func (chacha8) fresh() []byte {
	b := make([]byte, stateLen)
	seed := b[seedAt:indexAt]
	rand.Read(seed) // never fails
	copy(b, block(seed, 0, 32))
	binary.NativeEndian.PutUint32(b[indexAt+4:], 32)
	return b
}

// block computes n outputs of a seed after skip others.
func block(seed []byte, skip, n int) []byte {
	var key [32]byte
	for i := 0; i < len(key); i += 8 { // the state keeps words, NewChaCha8 takes little-endian bytes
		binary.LittleEndian.PutUint64(key[i:], binary.NativeEndian.Uint64(seed[i:]))
	}
	g := mrand.NewChaCha8(key)
	for range skip {
		g.Uint64()
	}
	out := make([]byte, 0, 32*8)
	for range n {
		out = binary.NativeEndian.AppendUint64(out, g.Uint64())
	}
	return out
}
