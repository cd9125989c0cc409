package media

import (
	"image"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
)

// allocated is what this process has asked for since it began, in bytes, collected or not.
func allocated() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// addPictures seeds with the pictures of testdata.
func addPictures(f *testing.F, add func(raw []byte)) {
	names, err := filepath.Glob("testdata/pictures/*.*")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		if raw, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, ".rgb") {
			add(raw)
		}
	}
}

// FuzzOpening: whatever a picture's head says, opening it allocates no more than was counted from that head.
func FuzzOpening(f *testing.F) {
	addPictures(f, func(raw []byte) { f.Add(raw, uint16(64)) })
	f.Add([]byte("RIFF\xce\x00\x00dWEBPVP8 \xc2\x00\x00\x01P\x05\x00\x9d\x01*\x17\x00\x0e\x00>m,\x92E\xa4\"\xa1z\x04\x00@\x06Ķ\x00N\x99B8\x1b\xd0?\x00? \x10H\xdeL\x00j{\x96T8\xc6\xf5\x94#\x00\x00\xfe\xfd "), uint16(51)) // 16 MB claimed
	f.Fuzz(func(t *testing.T, raw []byte, need uint16) {
		u, err := Look(raw, image.Pt(int(need), int(need)))
		if err != nil {
			return
		}
		if u.Bytes() < int64(len(raw)) || u.Fits(u.Bytes()) != nil || u.Fits(u.Bytes()-1) == nil {
			t.Fatalf("%d bytes are counted for a file of %d", u.Bytes(), len(raw))
		}
		before := allocated()
		_, err = u.Open()
		if took := allocated() - before; took > u.Bytes() {
			t.Errorf("opening %d×%d pixels took %d bytes, %d were counted (%v)", u.head.width, u.head.height, took, u.Bytes(), err)
		}
	})
}
