package jobs

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
)

func TestVectorsHaveABound(t *testing.T) {
	dir := t.TempDir()
	one := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1))
	v, err := openVectors(dir, 12)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{vectorName("m", "a"), vectorName("m", "b"), vectorName("m", "c"), vectorName("n", "a")}
	for _, name := range names[:3] {
		if err := v.put(name, one); err != nil {
			t.Fatal(err)
		}
	}
	if v.get(names[0]) == nil { // used last
		t.Fatal("it has gone")
	}
	if err := v.put(names[3], one); err != nil {
		t.Fatal(err)
	}
	if n, bytes := v.size(); n != 3 || bytes != 12 || v.get(names[1]) != nil || v.get(names[0]) == nil || v.get(names[3]) == nil {
		t.Errorf("%d files, %d bytes", n, bytes)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Error(left, err)
	}
	again, err := openVectors(dir, 12)
	if err != nil {
		t.Fatal(err)
	}
	if n, bytes := again.size(); n != 3 || bytes != 12 {
		t.Errorf("after a restart: %d files, %d bytes", n, bytes)
	}
	for _, bad := range [][]byte{nil, {1}, make([]byte, 4), make([]byte, 4*maxDimensions+4), binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))} {
		if _, err := vectorOf(bad); err == nil {
			t.Errorf("%d bytes are taken for a vector", len(bad))
		}
	}
}
