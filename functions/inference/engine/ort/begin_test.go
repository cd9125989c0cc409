package ort

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
)

const lateLibrary = "LATE_LIBRARY"

// TestALibraryThatBeginsLate runs TestOnALateLibrary in a process of its own, as a process has one library.
func TestALibraryThatBeginsLate(t *testing.T) {
	real, err := FindLibrary()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-I.", "-o", path, "testdata/latebegin.c", "-ldl", "-Wl,--no-as-needed", "-lstdc++").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestOnALateLibrary$", "-test.v")
	c.Env = append(os.Environ(), LibraryEnv+"="+path, lateLibrary+"="+real, "LATE_FAILURES=2")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOnALateLibrary") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOnALateLibrary: whoever makes settings hears that the library does not begin, and the process works when it does.
func TestOnALateLibrary(t *testing.T) {
	if os.Getenv(lateLibrary) == "" {
		return // TestALibraryThatBeginsLate runs it
	}
	e := loaded(t)
	var all sync.WaitGroup
	errs := make(chan error, 5)
	for range cap(errs) {
		all.Go(func() { errs <- e.Usable(engine.Device{}) })
	}
	all.Wait()
	close(errs)
	told := 0
	for err := range errs {
		if err != nil {
			told++
			if !strings.Contains(err.Error(), "ONNX Runtime does not begin: memory is out (std::bad_alloc") {
				t.Error(err)
			}
		}
	}
	if told < 1 || told > 2 { // one failure may have been the background's
		t.Errorf("%d of 5 heard of two failures", told)
	}
	enginetest.Run(t, e, engine.Options{})
}
