package suite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// turns is a program that takes three of them, and notes each; DIES ends it in the second.
const turns = `#!/bin/sh
for i in 1 2 3; do
	printf '?' >&3
	head -c 1 <&4 >/dev/null
	echo "$0" >>NOTES
	[ "DIES$i" = yes2 ] && exit 3
done
echo '{"bench":"warm","commit":"COMMIT","figures":{"x":1}}'
`

// pairOf are two checkouts whose only program is that.
func pairOf(t *testing.T, notes string, dies [2]string) (stands [2]stand) {
	for i := range stands {
		dir := t.TempDir()
		text := strings.NewReplacer("NOTES", notes, "DIES", dies[i], "COMMIT", fmt.Sprint("c", i)).Replace(turns)
		if err := os.WriteFile(filepath.Join(dir, "warm"), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		stands[i] = stand{programs: dir, tree: dir, binary: "none"}
	}
	return stands
}

// TestPairAlternates: neither of two checkouts always follows the other.
func TestPairAlternates(t *testing.T) {
	notes := filepath.Join(t.TempDir(), "notes")
	stands := pairOf(t, notes, [2]string{})
	var out bytes.Buffer
	o := Options{Out: &out, Err: &out}
	a, b, err := o.pair(t.Context(), stands, Programs[:1])
	if err != nil || len(a.Reports) != 1 || len(b.Reports) != 1 || a.Commit != "c0" || b.Commit != "c1" {
		t.Fatalf("%+v %+v %v\n%s", a, b, err, out.String())
	}
	got, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	x, y := filepath.Join(stands[0].programs, "warm"), filepath.Join(stands[1].programs, "warm")
	if want := strings.Join([]string{x, y, y, x, x, y, ""}, "\n"); string(got) != want {
		t.Errorf("turns\n%swant\n%s", got, want)
	}
}

// TestPairOfWhichOneFails gives the other's report, and the error.
func TestPairOfWhichOneFails(t *testing.T) {
	stands := pairOf(t, filepath.Join(t.TempDir(), "notes"), [2]string{"", "yes"})
	var out bytes.Buffer
	o := Options{Out: &out, Err: &out}
	a, b, err := o.pair(t.Context(), stands, Programs[:1])
	if err == nil || len(a.Reports) != 1 || len(b.Reports) != 0 {
		t.Errorf("%+v %+v %v", a, b, err)
	}
}

// TestPairSaysWhatIsMissing of a checkout: its binaries, and programs that came later.
func TestPairSaysWhatIsMissing(t *testing.T) {
	old := t.TempDir()
	var said bytes.Buffer
	if _, _, err := Pair(t.Context(), Options{Err: &said}, old, old); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("%v", err)
	}
	if err := os.MkdirAll(filepath.Join(old, "bench", "warm"), 0o755); err != nil {
		t.Fatal(err)
	}
	there := stand{tree: old}.has(Programs, Options{Err: &said})
	if len(there) != 1 || there[0].Name != "warm" || !strings.Contains(said.String(), "bench/auth: left out") {
		t.Errorf("%v\n%s", there, said.String())
	}
}

// TestTreesShareNoBundles: what one has built, the other's programs may not be able to open.
func TestTreesShareNoBundles(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		tree := t.TempDir()
		if err := os.Mkdir(filepath.Join(tree, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "bin", "videosdgx"), []byte("x"), 0o755); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, err := standIn(tree, filepath.Join(t.TempDir(), "programs"))
			if err != nil || s.cache == "" {
				t.Fatalf("%+v %v", s, err)
			}
			seen[s.cache] = true
		}
	}
	if len(seen) != 2 {
		t.Errorf("two trees have %d folders for their bundles", len(seen))
	}
}
