package rest

import (
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
