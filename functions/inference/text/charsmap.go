package text

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/containerd/errdefs"
)

// charsmap is sentencepiece's precompiled normalization: a double-array trie (darts-clone) from UTF-8 sequences to
// offsets in a pool of NUL-terminated replacements.
type charsmap struct {
	trie []uint32
	pool string
}

func parseCharsmap(raw json.RawMessage) (*charsmap, error) {
	var d struct {
		Map string `json:"precompiled_charsmap"`
	}
	if blob := plainMap(raw); blob != nil {
		return newCharsmap(blob)
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, badMap(err.Error())
	}
	blob, err := base64.StdEncoding.DecodeString(d.Map)
	if err != nil {
		return nil, badMap(err.Error())
	}
	return newCharsmap(blob)
}

// plainMap is the table where it is written as all write it, without an escape; else nil, and encoding/json says what there is. It
// reads each byte as often as all else that a tokenizer takes to load.
func plainMap(raw json.RawMessage) []byte {
	all, err := members(raw)
	if err != nil {
		return nil
	}
	s := &scanner{raw: all["precompiled_charsmap"]}
	q, err := s.quoted()
	if err != nil || s.next() != 0 || bytes.IndexByte(q, '\\') >= 0 {
		return nil
	}
	blob := make([]byte, base64.StdEncoding.DecodedLen(len(q)-2))
	n, err := base64.StdEncoding.Decode(blob, q[1:len(q)-1])
	if err != nil {
		return nil
	}
	return blob[:n]
}

func badMap(why string) error {
	return fmt.Errorf("precompiled_charsmap: %s: %w", why, errdefs.ErrDataLoss)
}

// newCharsmap reads the blob: the trie's size in bytes, the trie, the pool.
func newCharsmap(blob []byte) (*charsmap, error) {
	if len(blob) == 0 {
		return &charsmap{}, nil
	}
	if len(blob) < 4 {
		return nil, badMap("too short")
	}
	size := binary.LittleEndian.Uint32(blob)
	if int64(size) > int64(len(blob))-4 || size%4 != 0 {
		return nil, badMap(fmt.Sprintf("a trie of %d bytes does not fit in %d", size, len(blob)))
	}
	c := &charsmap{trie: make([]uint32, size/4), pool: string(blob[4+size:])}
	for i := range c.trie {
		c.trie[i] = binary.LittleEndian.Uint32(blob[4+4*i:])
	}
	if !utf8.ValidString(c.pool) {
		return nil, badMap("the replacements are not UTF-8")
	}
	return c, nil
}

// find is the replacement for the shortest prefix of s that has one. The library replaces the whole of what it looked up
// by that, however much longer it is.
func (c *charsmap) find(s string) (string, bool) {
	if len(c.trie) == 0 {
		return "", false
	}
	at := offset(c.trie[0])
	for i := 0; i < len(s) && s[i] != 0; i++ {
		at ^= uint32(s[i])
		if int(at) >= len(c.trie) || c.trie[at]&(1<<31|0xff) != uint32(s[i]) {
			return "", false
		}
		unit := c.trie[at]
		at ^= offset(unit)
		if unit>>8&1 == 1 { // has a leaf
			return c.replacement(at)
		}
	}
	return "", false
}

func (c *charsmap) replacement(at uint32) (string, bool) {
	if int(at) >= len(c.trie) {
		return "", false
	}
	from := int(c.trie[at] & (1<<31 - 1))
	if from > len(c.pool) {
		return "", false
	}
	text, _, _ := strings.Cut(c.pool[from:], "\x00")
	return text, true
}

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// maxGrapheme: longer grapheme clusters are looked up character by character only.
const maxGrapheme = 5 // bytes

// normalize looks up short grapheme clusters as a whole first, then their characters, as the library does.
func (c *charsmap) normalize(s string) (string, bool) {
	var b strings.Builder
	for g := graphemes.FromString(s); g.Next(); {
		cluster := g.Value()
		if len(cluster) <= maxGrapheme {
			if r, ok := c.find(cluster); ok {
				b.WriteString(r)
				continue
			}
		}
		for len(cluster) > 0 {
			_, w := utf8.DecodeRuneInString(cluster)
			r, ok := c.find(cluster[:w])
			if !ok {
				r = cluster[:w]
			}
			b.WriteString(r)
			cluster = cluster[w:]
		}
	}
	return b.String(), false
}
