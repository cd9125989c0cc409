package media

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// soundTrack is the number of the sound's track in a clip that leaves as it comes; the pictures' is 1.
const soundTrack = 2

// pieces is a clip's sound, coded as a whole before its first piece leaves, so that nothing is heard where two pieces meet.
type pieces struct {
	trak, trex []byte // that a clip's head has of it
	scale      uint32 // units a second
	delay      uint64 // units that a decoder needs to begin with, which are not heard
	flags      uint32 // of every sample
	durations  []uint32
	sizes      []uint32
	data       []byte // of the samples that have not left
	next       int    // sample
	time       uint64 // at which it begins
}

// piecesOf codes a track as AAC.
func piecesOf(ctx context.Context, s Spec, t *track) (*pieces, error) {
	in, out, err := t.args()
	if err != nil {
		return nil, err
	}
	path, err := emptyFile(filepath.Dir(t.path), "sound-*.mp4")
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	args := append(append(in, out...), s.container()...)
	cmd, said, err := command(ctx, append(args, "-movflags", "+empty_moov+default_base_moof+delay_moov", "-f", "mp4", "-y", path)...)
	if err == nil {
		if err = cmd.Run(); err != nil {
			err = failure(ctx, filepath.Dir(path), said, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the clip's sound: %w", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseSound(raw)
}

// parseSound takes a fragmented MP4 of sound alone apart.
func parseSound(file []byte) (*pieces, error) {
	head, fragment, err := split(file)
	if err != nil {
		return nil, err
	}
	p := &pieces{}
	moov, err := within(head, "moov")
	if err != nil {
		return nil, err
	}
	if p.trak, err = whole(moov, "trak"); err == nil {
		p.trex, err = whole(moov, "mvex", "trex")
	}
	if err != nil {
		return nil, err
	}
	tkhd, err := within(p.trak, "trak", "tkhd")
	if err != nil {
		return nil, err
	}
	mdhd, err := within(p.trak, "trak", "mdia", "mdhd")
	if err != nil {
		return nil, err
	}
	if tkhd[0] != 0 || mdhd[0] != 0 {
		return nil, errors.New("the encoder wrote the sound's head in a longer form")
	}
	binary.BigEndian.PutUint32(tkhd[12:], soundTrack)
	binary.BigEndian.PutUint32(p.trex[12:], soundTrack)
	p.scale = binary.BigEndian.Uint32(mdhd[12:])
	if elst, err := within(p.trak, "trak", "edts", "elst"); err == nil && elst[0] == 0 && binary.BigEndian.Uint32(elst[4:]) == 1 {
		p.delay = uint64(binary.BigEndian.Uint32(elst[12:]))
	}
	return p, p.samples(fragment)
}

// samples reads the one fragment's.
func (p *pieces) samples(fragment []byte) error {
	tfhd, err := within(fragment, "moof", "traf", "tfhd")
	if err != nil {
		return err
	}
	trun, err := within(fragment, "moof", "traf", "trun")
	if err != nil {
		return err
	}
	if p.data, err = within(fragment, "mdat"); err != nil {
		return err
	}
	duration, size := uint32(0), uint32(0)
	at := 8
	for _, f := range []struct {
		flag  byte
		bytes int
		into  *uint32
	}{{0x01, 8, nil}, {0x02, 4, nil}, {0x08, 4, &duration}, {0x10, 4, &size}, {0x20, 4, &p.flags}} {
		if tfhd[3]&f.flag == 0 {
			continue
		}
		if f.into != nil {
			*f.into = binary.BigEndian.Uint32(tfhd[at:])
		}
		at += f.bytes
	}
	at = 8
	if trun[3]&0x01 != 0 {
		at += 4 // where the data begins
	}
	if trun[3]&0x04 != 0 || trun[2]&^0x03 != 0 {
		return errors.New("the encoder gave the sound's samples more than durations and sizes")
	}
	left := len(p.data)
	for range binary.BigEndian.Uint32(trun[4:]) {
		d, n := duration, size
		if trun[2]&0x01 != 0 {
			d, at = binary.BigEndian.Uint32(trun[at:]), at+4
		}
		if trun[2]&0x02 != 0 {
			n, at = binary.BigEndian.Uint32(trun[at:]), at+4
		}
		p.durations, p.sizes = append(p.durations, d), append(p.sizes, n)
		left -= int(n)
	}
	if left != 0 {
		return fmt.Errorf("the encoder's sound has %d bytes more than its samples", left)
	}
	return nil
}

// join puts the sound's track into a head of pictures.
func (p *pieces) join(head []byte) (out []byte, err error) {
	all, err := boxes(head)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.name != "moov" {
			out = append(out, b.raw...)
			continue
		}
		moov, err := p.joined(b.body())
		if err != nil {
			return nil, err
		}
		out = appendBox(out, "moov", moov)
	}
	return out, nil
}

func (p *pieces) joined(moov []byte) (out []byte, err error) {
	all, err := boxes(moov)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		switch b.name {
		case "mvhd":
			out = append(out, b.raw...)
			binary.BigEndian.PutUint32(out[len(out)-4:], soundTrack+1) // the next track's number
		case "trak":
			out = append(append(out, b.raw...), p.trak...)
		case "mvex":
			out = appendBox(out, "mvex", append(append([]byte{}, b.body()...), p.trex...))
		default:
			out = append(out, b.raw...)
		}
	}
	return out, nil
}

// fragment is the samples that have not left and begin before a time, in seconds of the clip; none: nil.
func (p *pieces) fragment(number uint32, end float64) []byte {
	first, begin, size := p.next, p.time, 0
	for p.next < len(p.sizes) && (float64(p.time)-float64(p.delay))/float64(p.scale) < end {
		p.time += uint64(p.durations[p.next])
		size += int(p.sizes[p.next])
		p.next++
	}
	if p.next == first {
		return nil
	}
	const byDurationAndSize, fromFragment, fullTime = 0x301, 0x020020, 0x01000000
	tfhd := words(fromFragment, soundTrack, p.flags)
	tfdt := binary.BigEndian.AppendUint64(words(fullTime), begin)
	trun := words(byDurationAndSize, uint32(p.next-first), 0)
	for i := first; i < p.next; i++ {
		trun = append(trun, words(p.durations[i], p.sizes[i])...)
	}
	traf := appendBox(appendBox(appendBox(nil, "tfhd", tfhd), "tfdt", tfdt), "trun", trun)
	moof := appendBox(nil, "moof", appendBox(appendBox(nil, "mfhd", words(0, number)), "traf", traf))
	offset := len(moof) - len(trun) + 8 // of the field that says where the data begins, counted from the fragment
	binary.BigEndian.PutUint32(moof[offset:], uint32(len(moof)+8))
	out := appendBox(moof, "mdat", p.data[:size])
	p.data = p.data[size:]
	return out
}

func words(all ...uint32) (out []byte) {
	for _, w := range all {
		out = binary.BigEndian.AppendUint32(out, w)
	}
	return out
}

func appendBox(to []byte, name string, body []byte) []byte {
	to = append(binary.BigEndian.AppendUint32(to, uint32(8+len(body))), name...)
	return append(to, body...)
}

// whole is the box at a path, with its head.
func whole(raw []byte, path ...string) ([]byte, error) {
	last := len(path) - 1
	raw, err := within(raw, path[:last]...)
	if err != nil {
		return nil, err
	}
	all, err := boxes(raw)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.name == path[last] {
			return b.raw, nil
		}
	}
	return nil, fmt.Errorf("the encoder's output has no %s", path[last])
}
