package reseed

import (
	"bytes"
	"encoding/binary"
	"strings"

	"golang.org/x/crypto/chacha20"
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

// makesBlock tells whether the state has made the block after it.
func makesBlock(b []byte) bool {
	c, err := chacha20.NewUnauthenticatedCipher(b[16:48], b[52:blockAt])
	if err != nil || b[sqliteLen-1] > 64 {
		return false
	}
	c.SetCounter(binary.LittleEndian.Uint32(b[48:]))
	out := make([]byte, 64)
	c.XORKeyStream(out, out)
	return bytes.Equal(out, b[blockAt:sqliteLen-1])
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
