package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestATallyKeepsTheWorstOfBoth(t *testing.T) {
	var got tally
	got.add("  x_test.go:1: a: max error 2.50e-05 of max|want| (10 values)\n  x_test.go:2: b: off by 0.3 at 7 (got 1, want 1.3), allowed 0.1 = 0.02 · max|want|\n")
	got.add("--- FAIL: TestGoldenA (0.01s)\n    a_test.go:3: cuda:0 cannot be used\n    --- FAIL: TestGoldenA/b (0.00s)\n--- FAIL: TestGoldenB (0.01s)\n")
	if got.tests != 2 {
		t.Errorf("%d tests failed, not 2", got.tests)
	}
	if got.comparisons != 2 || got.failed != 1 || got.worst < .0599 || got.worst > .0601 {
		t.Errorf("%+v", got)
	}
}

func TestTheTalliesOfPackagesAreOne(t *testing.T) {
	sum := tally{worst: .1, comparisons: 2, failed: 1, tests: 1}
	sum.join(tally{worst: .3, comparisons: 4, failed: 2, tests: 1})
	if want := (tally{worst: .3, comparisons: 6, failed: 3, tests: 2}); sum != want {
		t.Errorf("%+v, not %+v", sum, want)
	}
}

// A package with golden tests of graphs that is not listed would be left out in silence.
func TestEveryPackageWithGoldenTestsOfGraphsIsListed(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(filepath.Join(root, "functions"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		if err == nil && bytes.Contains(raw, []byte("golden.Open(")) && bytes.Contains(raw, []byte("compiletest.Open(")) && !slices.Contains(packages, pkg) {
			t.Errorf("%s: the golden tests of %s run on no GPU", path, pkg)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
