package containerd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestShimFor(t *testing.T) {
	for line, want := range map[string]string{
		"/opt/x/containerd-shim-runc-v2 -namespace v -id f-1 -address /s":                       "f-1",
		"/opt/x/containerd-shim-runc-v2 -namespace v -id f-1 -address /other":                   "",
		"/opt/x/containerd-shim-runc-v2 -namespace w -id f-1 -address /s":                       "",
		"/opt/x/containerd-shim-runc-v2 -namespace v -address /s -id":                           "",
		"vi containerd-shim-runc-v2 -namespace v -id f-1 -address /s":                           "",
		"/opt/x/containerd-shim-runc-v2 -namespace v -id f-2 -address /s -debug":                "f-2",
		"/opt/x/containerd-shim-runc-v2 -namespace v -address /s -id f-1 -bundle /b/f-1 delete": "",
	} {
		id, ours := shimFor([]byte(strings.ReplaceAll(line, " ", "\x00")+"\x00"), "/s", "v")
		if ours != (want != "") || ours && id != want {
			t.Errorf("%s: %q %v", line, id, ours)
		}
	}
	if _, ours := shimFor(nil, "/s", "v"); ours {
		t.Error("a zombie is taken for a shim")
	}
}

// TestShimThatContainerdForgot: the start of a control plane ends it. Its bench, `bench/chaos`, has met a real one.
func TestShimThatContainerdForgot(t *testing.T) {
	d := newDriver(t)
	cmd := exec.Command("/bin/sh")
	cmd.Args = []string{"containerd-shim-runc-v2", "-c", "read line", "x", "-namespace", d.o.Namespace, "-id", "forgotten-1", "-address", d.daemon.Socket}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	await(t, func() bool { return len(d.shims()["forgotten-1"]) == 1 })
	for _, name := range []string{"forgotten-1", ".hidden-1"} {
		bundle := filepath.Join(d.bundles(), name)
		if err := os.MkdirAll(filepath.Join(bundle, "work"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := bindAt(t.TempDir(), filepath.Join(bundle, "rootfs")); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := d.Leftovers(testContext(t)); err != nil || strings.Join(left, ", ") != "shim of forgotten-1, task bundle of .hidden-1, task bundle of forgotten-1" {
		t.Errorf("leftovers %v, %v", left, err)
	}
	if err := d.sweep(testContext(t)); err != nil { // as New does
		t.Error(err)
	}
	select {
	case <-done:
	case <-testContext(t).Done():
		t.Fatal("the shim lives on")
	}
	if left, err := d.Leftovers(testContext(t)); err != nil || len(left) != 0 {
		t.Errorf("leftovers after a sweep %v, %v", left, err)
	}
}
