package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// home is the folder of one control plane, which outlives its processes.
type home struct {
	driver, data string
	env          []string
	t            *testing.T
}

// newHome makes a folder for one test. At the test's end nothing of it may be left on the machine.
func newHome(t *testing.T, driver string) *home {
	t.Helper()
	need(t, programs)
	data, err := os.MkdirTemp("", "vdgx-home-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			nothingLeft(t, data)
		}
		clearAway(t, data)
	})
	h := &home{driver: driver, data: data, t: t}
	h.open(data)
	return h
}

// open lets other users through a folder: a function runs as one.
func (h *home) open(dir string) {
	h.t.Helper()
	if err := os.Chmod(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) path(parts ...string) string {
	return filepath.Join(append([]string{h.data}, parts...)...)
}

// function writes a manifest; its text begins with what is to run, by the driver.
func (h *home) function(name, program, more string) {
	h.t.Helper()
	run := fmt.Sprintf("command: [%q]\n", filepath.Join(need(h.t, programs), "functions", program))
	if h.driver == "containerd" {
		run = fmt.Sprintf("image: %q\n", "oci:"+need(h.t, map[string]func() (string, error){"echo": echoImage, "wan21": wan21OCI, "ltx2": ltx2OCI}[program]))
	}
	h.manifest(name, "name: "+name+"\n"+run+"snapshot: \"off\"\n"+more)
}

// manifest writes function.yaml as it is, whole or not at all, as editors do.
func (h *home) manifest(name, text string) {
	h.t.Helper()
	dir := h.path("functions", name)
	file := filepath.Join(dir, "function.yaml")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		h.t.Fatal(err)
	}
}

// wan21 writes the manifest of the demo model.
func (h *home) wan21(bundle, more string) {
	h.t.Helper()
	h.function("wan21", "wan21", fmt.Sprintf("model: {name: wan21, bundle: %q}\ntimeout: 1m\n%s", bundle, more))
}
