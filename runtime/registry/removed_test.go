package registry

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// TestARemovedManifestIsTold: what was removed while its manifest stayed does not serve, and whoever asks, lists or starts
// the server again hears why, until the manifest changes or goes.
func TestARemovedManifestIsTold(t *testing.T) {
	w := newWorld(t)
	w.manifest("a", "name: a\ncommand: [/bin/true]\n")
	w.until("a", func() bool { _, err := w.Get(t.Context(), "a", ""); return err == nil })
	if err := w.Delete(t.Context(), "a", ""); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.cfg.Functions, "a", manifestFile)
	var log bytes.Buffer
	for _, when := range []string{"at once", "after a restart"} {
		for _, ask := range []func() error{
			func() error { _, err := w.Get(t.Context(), "a", ""); return err },
			func() error { _, err := w.Versions(t.Context(), "a"); return err },
			func() error { return w.Delete(t.Context(), "a", "") },
		} {
			if err := ask(); err == nil || !strings.Contains(err.Error(), "removed") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", when, err)
			}
		}
		if all := w.Broken(); len(all) != 1 || all[0].Function.Name != "a" || !strings.Contains(all[0].Fault, path) {
			t.Errorf("%s: listed %+v", when, all)
		}
		w.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		w.reopen()
	}
	if text := log.String(); strings.Count(text, "function does not serve") != 2 || !strings.Contains(text, path) {
		t.Errorf("the log says %s", text)
	}
	w.manifest("a", "name: a\ncommand: [/bin/false]\n")
	w.until("a again", func() bool { _, err := w.Get(t.Context(), "a", ""); return err == nil })
	if why := w.Removed("a"); why != "" || len(w.Broken()) != 0 {
		t.Errorf("it serves, and %s", why)
	}
}
