package reseed

import (
	"encoding/binary"
	"strings"
)

// openssl finds the DRBGs of OpenSSL 3, in struct prov_drbg_st of providers/implementations/rands/drbg_local.h:
//
//	int fork_id; unsigned short flags; unsigned int strength; size_t max_request; size_t min_entropylen; …
//
// fork_id is the process id at the last seeding. A generator that finds another one there was forked, and takes fresh
// entropy from the kernel before it answers: so that is what is written.
type openssl struct{ pid uint32 }

const (
	drbgStrength   = 256
	drbgMaxRequest = 1 << 16
)

// hasOpenSSL knows the library, also as wheels of Python bring it (libcrypto-1a2b3c4d.so.3, or inside of the package
// cryptography), and Node.js, which has it built in.
func hasOpenSSL(maps string) bool {
	return strings.Contains(maps, "/libcrypto") || strings.Contains(maps, "/cryptography/") || strings.Contains(maps, "/node\n") || strings.Contains(maps, "/libnode.so")
}

func (o openssl) next(b []byte, off, n int) int {
	for ; off < n; off += 8 {
		if binary.NativeEndian.Uint32(b[off:]) == o.pid && drbg(b[off:]) {
			return off
		}
	}
	return n
}

func (openssl) fresh() []byte { return make([]byte, 4) }

// drbg checks what follows fork_id.
func drbg(b []byte) bool {
	entropy := binary.NativeEndian.Uint64(b[24:])
	return binary.NativeEndian.Uint32(b[8:]) == drbgStrength &&
		binary.NativeEndian.Uint64(b[16:]) == drbgMaxRequest && entropy >= 16 && entropy <= 64
}
