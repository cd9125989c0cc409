package dispatch

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestTheLogSaysWhichWayIsFaster: once both are measured, and when that changes; never where the manifest has decided.
func TestTheLogSaysWhichWayIsFaster(t *testing.T) {
	for snapshot, want := range map[string]string{"auto": "way=plain way=snapshot", "always": "", "off": ""} {
		var log bytes.Buffer
		r := newRig(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		p := &pool{d: r.Dispatcher, name: "f", rec: &history{}, fn: spec.Function{Name: "f", Version: "$LATEST", Snapshot: snapshot}}
		for _, s := range []struct {
			by   string
			took time.Duration
		}{{"plain", 5}, {"plain", 6}, {"snapshot", 9}, {"plain", 7}, {"snapshot", 2}, {"snapshot", 2}, {"snapshot", 3}} {
			p.note(s.by, s.took*time.Second)
		}
		var said []string
		for word := range strings.FieldsSeq(log.String()) {
			if strings.HasPrefix(word, "way=") {
				said = append(said, word)
			}
		}
		if got := strings.Join(said, " "); got != want {
			t.Errorf("%s: %q, in\n%s", snapshot, got, log.String())
		}
	}
}
