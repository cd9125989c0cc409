package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// reprDigest is RFC 9530's form of a hexadecimal SHA-256.
func reprDigest(sum string) string {
	b, err := hex.DecodeString(sum)
	if err != nil {
		return ""
	}
	return "sha-256=:" + base64.StdEncoding.EncodeToString(b) + ":"
}

// entityTag is a strong tag (RFC 9110, 8.8.3) for the bytes of a digest.
func entityTag(sum [sha256.Size]byte) string { return `"` + hex.EncodeToString(sum[:]) + `"` }

// forGood lets a client keep what never changes.
const forGood = "private, max-age=31536000, immutable"
