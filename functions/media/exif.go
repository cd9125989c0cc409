package media

import (
	"bytes"
	"encoding/binary"
)

// orientationTag is EXIF's (CIPA DC-008, 4.6.5.1.6).
const orientationTag = 0x0112

// exifOrientation finds the orientation in a TIFF header and its first directory: 1 to 8, 1 when there is none.
func exifOrientation(b []byte) int {
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == orientationTag {
			return orientationOf(order, entries)
		}
		entries = entries[12:]
	}
	return 1
}

// orientationOf reads an entry of type BYTE, SHORT or LONG.
func orientationOf(order binary.ByteOrder, entry []byte) int {
	v := 0
	switch order.Uint16(entry[2:]) {
	case 1:
		v = int(entry[8])
	case 3:
		v = int(order.Uint16(entry[8:]))
	case 4:
		v = int(order.Uint32(entry[8:]))
	}
	if v < 1 || v > 8 {
		return 1
	}
	return v
}
