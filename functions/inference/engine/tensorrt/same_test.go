package tensorrt_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

// replaced puts another file in a plan's place, as a build does, with the time that the earlier one had.
func replaced(t *testing.T, path string, raw []byte) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+".new", raw, 0o600), os.Chtimes(path+".new", time.Time{}, info.ModTime()), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// TestASessionWakesWithThePlanThatItHad: what another process has built meanwhile was compared with nothing. The whole plan leaves the
// device, its weights alone, and weights that do not come back.
func TestASessionWakesWithThePlanThatItHad(t *testing.T) {
	ctx := context.Background()
	for _, how := range []string{"memory 4096", "light", "light\nstuck"} {
		e := tensorrt.New(faketrt.Load(t), nil)
		path := filepath.Join(t.TempDir(), "x.plan")
		faketrt.Plan(t, path, slices.Concat([]string{how, "add 0.5"}, adder)...)
		path = known(t, path, tensorrt.Recipe{})
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Open(ctx, path, gpu)
		if err != nil {
			t.Fatal(err)
		}
		run := func() error {
			out, err := s.Run(ctx, engine.Values{"x": engine.Zeros(1), "carry": engine.Zeros(1)})
			if err == nil && out.Float32("y")[0] != 0.5 {
				t.Errorf("%q: %v: another plan has run", how, out.Float32("y"))
			}
			return err
		}
		if err := run(); err != nil {
			t.Fatal(err)
		}
		e.Rest()
		replaced(t, path, bytes.Replace(was, []byte("add 0.5"), []byte("add 7.5"), 1))
		for range 2 {
			if err := run(); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "another plan was built at "+path) {
				t.Errorf("%q: a plan that was built meanwhile: %v", how, err)
			}
		}
		if e.Used() != 0 {
			t.Errorf("%q: %d bytes of a plan that did not wake", how, e.Used())
		}
		replaced(t, path, was) // as a build whose kernels came out the same, or a folder that was copied back
		for range 2 {
			if err := run(); err != nil {
				t.Errorf("%q: the same plan in another file: %v", how, err)
			}
			e.Rest()
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		e.Close()
	}
}

// Written over where it lies, and of which nothing is written down, is another plan as well; gone is said as such.
func TestAPlanThatNobodyKnowsHasToBeTheSameFile(t *testing.T) {
	e := tensorrt.New(faketrt.Load(t), nil)
	t.Cleanup(e.Close)
	path := filepath.Join(t.TempDir(), "x.plan")
	faketrt.Plan(t, path, adder...)
	s, err := e.Open(context.Background(), path, gpu)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run := func() error {
		_, err := s.Run(context.Background(), engine.Values{"x": engine.Zeros(1), "carry": engine.Zeros(1)})
		return err
	}
	e.Rest()
	if err := run(); err != nil {
		t.Errorf("the same file: %v", err)
	}
	e.Rest()
	faketrt.Plan(t, path, slices.Concat(adder, []string{"add 1"})...)
	if err := run(); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("written over: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := run(); !errdefs.IsNotFound(err) {
		t.Errorf("gone: %v", err)
	}
}
