package ids

import (
	"testing"
	"testing/fstest"
)

func TestFind(t *testing.T) {
	file := func(text string) fstest.MapFS {
		return fstest.MapFS{"subuid": {Data: []byte(text)}, "subgid": {Data: []byte(text)}}
	}
	for _, c := range []struct {
		name, text string
		want       uint32
		fails      bool
	}{
		{"none", "someone:100000:65536\n", unclaimed, false},
		{"own", "someone:100000:65536\nvideosdgx:300000:65536\n", 300000, false},
		{"too few", "videosdgx:300000:65535\n", 0, true},
		{"over the machine's own users", "videosdgx:1000:65536\n", 0, true},
		{"past the end", "videosdgx:4294960000:65536\n", 0, true},
		{"no number", "videosdgx:many:65536\n", 0, true},
	} {
		got, err := Find(file(c.text))
		if (err != nil) != c.fails || !c.fails && got != (Range{c.want, c.want}) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	if got, err := Find(fstest.MapFS{}); err != nil || got != (Range{unclaimed, unclaimed}) {
		t.Errorf("no files: %+v, %v", got, err)
	}
}
