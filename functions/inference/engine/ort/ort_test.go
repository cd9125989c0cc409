package ort

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func loaded(t *testing.T) *Engine {
	t.Helper()
	e, err := Load()
	if err != nil {
		t.Fatal(err) // a missing library fails: a skip would not be a pass
	}
	return e
}

func TestMissingLibraryNamesTheNextStep(t *testing.T) {
	t.Setenv(LibraryEnv, "/nowhere/libonnxruntime.so")
	_, err := FindLibrary()
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("got %v", err)
	}
}
