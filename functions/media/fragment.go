package media

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The boxes of a fragmented MP4 (ISO/IEC 14496-12) that a chunk's encoder writes: the head that says what follows, and one
// fragment. Chunks become one clip by their fragments' numbers and times.

// box is one, with its head of eight bytes.
type box struct {
	name string
	raw  []byte
}

// body is what lies in it.
func (b box) body() []byte { return b.raw[8:] }

// boxes takes what lies side by side apart.
func boxes(raw []byte) (all []box, err error) {
	for len(raw) > 0 {
		if len(raw) < 8 {
			return nil, errors.New("the encoder's output ends in a box")
		}
		n := int(binary.BigEndian.Uint32(raw))
		if n < 8 || n > len(raw) {
			return nil, fmt.Errorf("the encoder wrote a box of %d bytes of %d", n, len(raw))
		}
		all, raw = append(all, box{string(raw[4:8]), raw[:n]}), raw[n:]
	}
	return all, nil
}

// within is the box at a path below others; it shares their memory.
func within(raw []byte, path ...string) ([]byte, error) {
	for _, name := range path {
		all, err := boxes(raw)
		if err != nil {
			return nil, err
		}
		found := false
		for _, b := range all {
			if b.name == name {
				raw, found = b.body(), true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("the encoder's output has no %s", name)
		}
	}
	return raw, nil
}

// field is within of a box that has at least so many bytes in it.
func field(raw []byte, least int, path ...string) ([]byte, error) {
	b, err := within(raw, path...)
	if err == nil && len(b) < least {
		err = fmt.Errorf("the encoder's %s ends after %d bytes", path[len(path)-1], len(b))
	}
	return b, err
}

// split takes a chunk's file apart: what comes before its one fragment, and that. The index at the end is of no use.
func split(file []byte) (head, fragment []byte, err error) {
	all, err := boxes(file)
	if err != nil {
		return nil, nil, err
	}
	moofs := 0
	for _, b := range all {
		switch b.name {
		case "moof":
			moofs++
			fragment = append(fragment, b.raw...)
		case "mdat":
			fragment = append(fragment, b.raw...)
		case "mfra":
		default:
			head = append(head, b.raw...)
		}
	}
	if moofs != 1 {
		return nil, nil, fmt.Errorf("the encoder wrote a chunk of %d fragments", moofs)
	}
	return head, fragment, nil
}

// place gives a fragment its number, from 1, and the time at which it begins, in units of its track, and returns how long it
// lasts. Every sample lasts the fragment's default.
func place(fragment []byte, number uint32, begin uint64) (lasts uint64, err error) {
	const defaultDuration, fullTime = 0x08, 1
	mfhd, err := field(fragment, 8, "moof", "mfhd")
	if err != nil {
		return 0, err
	}
	binary.BigEndian.PutUint32(mfhd[4:], number)
	tfhd, err := field(fragment, 8, "moof", "traf", "tfhd")
	if err != nil {
		return 0, err
	}
	tfdt, err := field(fragment, 12, "moof", "traf", "tfdt")
	if err != nil {
		return 0, err
	}
	trun, err := field(fragment, 8, "moof", "traf", "trun")
	if err != nil {
		return 0, err
	}
	if tfhd[3]&defaultDuration == 0 || tfdt[0] != fullTime || trun[2]&0x01 != 0 {
		return 0, errors.New("the encoder gave samples durations of their own")
	}
	binary.BigEndian.PutUint64(tfdt[4:], begin)
	at := 8 // after flags and track
	if tfhd[3]&0x01 != 0 {
		at += 8 // base offset
	}
	if tfhd[3]&0x02 != 0 {
		at += 4 // description
	}
	if len(tfhd) < at+4 {
		return 0, fmt.Errorf("the encoder's tfhd ends after %d bytes", len(tfhd))
	}
	each, count := binary.BigEndian.Uint32(tfhd[at:]), binary.BigEndian.Uint32(trun[4:])
	return uint64(each) * uint64(count), nil
}

// playerBlock is in what portions Chromium's player takes a file, in bytes: it looks at none before all of it is there.
const playerBlock = 32 << 10

// Filler is a box without content that fills what was sent of a file up to a whole portion of a player's, so that the player sees
// all of it now. It is of use to nobody else.
func Filler(sent int) []byte {
	n := (playerBlock - sent%playerBlock) % playerBlock
	if n == 0 {
		return nil
	}
	if n < 8 { // less than a box's head
		n += playerBlock
	}
	fill := make([]byte, n)
	binary.BigEndian.PutUint32(fill, uint32(n))
	copy(fill[4:], "free")
	return fill
}
