package reseed

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goProgram builds a program that answers lines with numbers of a generator.
func goProgram(t *testing.T, generator, imports string) string {
	t.Helper()
	dir := t.TempDir()
	text := "package main\nimport (\n\"bufio\"\n\"fmt\"\n\"os\"\n" + imports + ")\nfunc main() {\nr := " + generator +
		"\nfor in := bufio.NewScanner(os.Stdin); in.Scan(); { fmt.Println(r()) }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "x"), filepath.Join(dir, "main.go"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return filepath.Join(dir, "x")
}

// TestSeeded: generators that a program seeded itself are told, and a program without is not suspected.
func TestSeeded(t *testing.T) {
	const v1, v2 = "r \"math/rand\"\n", "r \"math/rand/v2\"\n"
	for generator, c := range map[string][2]string{
		"rand.New(rand.NewSource(7)).Int63": {v1, "rand.NewSource"}, "rand.Int63": {v1, ""},
		"rand.New(rand.NewPCG(1, 2)).Uint64": {v2, "PCG"}, "rand.Uint64": {v2, ""},
	} {
		p := start(t, nil, goProgram(t, generator, strings.TrimPrefix(c[0], "r ")))
		found, err := Find(p.cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if what := found.Repeats + Repeats(p.cmd.Process.Pid); (what == "") != (c[1] == "") || !strings.Contains(what, c[1]) {
			t.Errorf("%s: %q", generator, what)
		}
	}
}

// TestHoldsText finds it at the seam of two reads, too.
func TestHoldsText(t *testing.T) {
	for at, want := range map[int]bool{0: true, 1<<20 - 3: true, 1 << 20: true, 3<<20 - 5: true, -1: false} {
		b := make([]byte, 4<<20)
		if at >= 0 {
			copy(b[at:], pcg)
		}
		if got := holdsText(bytes.NewReader(b), pcg); got != want {
			t.Errorf("at %d: %v", at, got)
		}
	}
}
