package reseed

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
)

// SQLite has one generator, which random() and randomblob() draw from, in a static variable of whatever it is linked into: a
// library of its own, Node.js (node:sqlite), an addon (better-sqlite3), a Go program. It takes a new seed from the kernel when
// it finds that it has none, so that is what is written.

// hasSQLite knows what may have it linked in, by what a process maps.
func hasSQLite(maps string) bool {
	return strings.Contains(maps, "sqlite") || strings.Contains(maps, "/apsw/") || strings.Contains(maps, "/node\n") || strings.Contains(maps, "/libnode.so") || strings.Contains(maps, ".node\n")
}

// sqlite finds struct sqlite3PrngType as it is since SQLite 3.41: uint32 s[16], the state of ChaCha20; out[64], a block of its
// output, from which the state can be told from all else; uint8 n, what is left of it.
type sqlite struct{}

const (
	blockAt   = 16 * 4
	sqliteLen = blockAt + 64 + 1
)

var chachaBegins = []byte("expa" + "nd 3" + "2-by" + "te k") // as little-endian words

func (sqlite) next(b []byte, off, n int) int {
	for ; off < n; off += 8 {
		if bytes.HasPrefix(b[off:], chachaBegins) && makesBlock(b[off:off+sqliteLen]) {
			return off
		}
	}
	return n
}

// fresh is the first word of a state without seed.
func (sqlite) fresh() []byte { return make([]byte, 4) }

// makesBlock tells whether the state has made the block after it, by ChaCha20 (RFC 8439, 2.3).
func makesBlock(b []byte) bool {
	var in, x [16]uint32
	for i := range in {
		in[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	x = in
	for range 10 {
		for i := range 4 {
			quarter(&x, i, i+4, i+8, i+12)
		}
		for i := range 4 {
			quarter(&x, i, (i+1)%4+4, (i+2)%4+8, (i+3)%4+12)
		}
	}
	for i := range x {
		if binary.LittleEndian.Uint32(b[blockAt+4*i:]) != x[i]+in[i] {
			return false
		}
	}
	return b[sqliteLen-1] <= 64
}

func quarter(x *[16]uint32, a, b, c, d int) {
	x[a] += x[b]
	x[d] = bits.RotateLeft32(x[d]^x[a], 16)
	x[c] += x[d]
	x[b] = bits.RotateLeft32(x[b]^x[c], 12)
	x[a] += x[b]
	x[d] = bits.RotateLeft32(x[d]^x[a], 8)
	x[c] += x[d]
	x[b] = bits.RotateLeft32(x[b]^x[c], 7)
}

// oldSQLite finds the struct as it was before, for RC4: isInit, i, j, and s[256], which holds each byte once.
type oldSQLite struct{}

func (oldSQLite) next(b []byte, off, n int) int {
	for ; off < n; off += 8 {
		if b[off] == 1 && permutation(b[off+3:off+3+256]) {
			return off
		}
	}
	return n
}

// fresh is isInit.
func (oldSQLite) fresh() []byte { return make([]byte, 1) }

func permutation(s []byte) bool {
	var seen [256]bool
	for _, v := range s {
		if seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}
