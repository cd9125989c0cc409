package media

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzFragment: a chunk that an encoder left cut off or damaged is an error.
func FuzzFragment(f *testing.F) {
	chunk := func(name string, body ...byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), name...), body...)
	}
	moof := bytes.Join([][]byte{chunk("mfhd", make([]byte, 8)...), chunk("traf", bytes.Join([][]byte{
		chunk("tfhd", 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 2, 0), chunk("tfdt", append([]byte{1}, make([]byte, 11)...)...), chunk("trun", 0, 0, 0, 0, 0, 0, 0, 3),
	}, nil)...)}, nil)
	f.Add(bytes.Join([][]byte{chunk("ftyp"), chunk("moov"), chunk("moof", moof...), chunk("mdat", 1, 2), chunk("mfra")}, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		head, fragment, err := split(file)
		if err != nil {
			return
		}
		if len(head)+len(fragment) > len(file) {
			t.Fatalf("%d + %d of %d bytes", len(head), len(fragment), len(file))
		}
		before := len(fragment)
		if _, err := place(fragment, 7, 1<<40); err == nil && len(fragment) != before {
			t.Fatal("a fragment has grown")
		}
	})
}
