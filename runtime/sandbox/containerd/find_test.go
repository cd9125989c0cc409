package containerd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
)

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2.0.0", "1.7.9", true}, {"1.6.20", "1.6.3", true}, {"1.10", "1.9.9", true}, {"4.2", "4.2.0", false}, {"4.2.1", "4.2", true},
		{"", "1.0", false}, {"1.0", "", true}, {"1.5", "1.5", false},
	} {
		if got := tool.Newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// TestNewestIsFound: the prefix comes first, but only a newer binary there wins over an older one elsewhere.
func TestNewestIsFound(t *testing.T) {
	prefix, other := t.TempDir(), t.TempDir()
	t.Setenv("PATH", other+":"+os.Getenv("PATH"))
	put := func(dir, version string) string {
		path := filepath.Join(dir, "some-tool")
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(path, []byte("#!/bin/sh\necho tool version "+version+"\n"), 0o755))
		return path
	}
	old, recent := put(filepath.Join(prefix, "bin"), "1.2.3"), put(other, "1.10.0")
	got, ok := tool.Find(context.Background(), prefix, "some-tool")
	if !ok || got.Path != recent || got.Version != "1.10.0" {
		t.Errorf("found %+v", got)
	}
	put(filepath.Join(prefix, "bin"), "2.0")
	if got, _ := tool.Find(context.Background(), prefix, "some-tool"); got.Path != old || got.Version != "2.0" {
		t.Errorf("found %+v", got)
	}
	if _, ok := tool.Find(context.Background(), prefix, "no-such-tool"); ok {
		t.Error("found what is not there")
	}
}

func TestProbe(t *testing.T) {
	t.Setenv("PATH", "")
	parts := Probe(context.Background(), Options{Data: "/x", Prefix: t.TempDir()})
	for _, p := range parts {
		if (p.Fault == "") != (p.Install == "") || (p.Fault == "" && p.Path == "") {
			t.Errorf("%+v", p)
		}
	}
}

// TestTheChosenCRIUIsTheOneThatRuns: the newest is chosen, and runc would take the first.
func TestTheChosenCRIUIsTheOneThatRuns(t *testing.T) {
	early, late := t.TempDir(), t.TempDir()
	for dir, version := range map[string]string{early: "4.2", late: "4.3"} {
		if err := os.WriteFile(filepath.Join(dir, "criu"), []byte("#!/bin/sh\necho Version: "+version+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, "init"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := &Driver{o: Options{Data: data}, runtime: tool.Tool{Path: "/bin/true"}, daemon: &daemon.Daemon{Path: early + ":" + late}}
	for _, c := range []struct{ criu, with string }{{"", ""}, {early, ""}, {late, late}} {
		d.criu = tool.Tool{}
		if c.criu != "" {
			d.criu = tool.Tool{Path: filepath.Join(c.criu, "criu")}
		}
		oci, err := d.ociBinary()
		script, _ := os.ReadFile(oci)
		if err != nil || (oci == "/bin/true") != (c.with == "") || !strings.Contains(string(script), c.with) {
			t.Errorf("criu in %q: %s, %v", c.criu, oci, err)
		}
	}
}
