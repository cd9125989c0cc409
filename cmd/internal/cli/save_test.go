package cli

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const film = "the clip"

func saved(t *testing.T, to string) {
	t.Helper()
	if err := writable(to); err != nil {
		t.Errorf("before: %v", err)
	}
	if err := saveClip(to, strings.NewReader(film)); err != nil {
		t.Error(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestFilesAreReplacedAndLinksFollowed(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{os.Mkdir(at("other"), 0o755), os.WriteFile(at("there"), []byte("old"), 0o600), os.Symlink("there", at("link")),
		os.Symlink("other/none", at("dangling")), os.Symlink("link", at("chain"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	saved(t, at("new"))
	saved(t, at("chain"))
	saved(t, at("dangling"))
	for path, mode := range map[string]fs.FileMode{"new": 0o644, "there": 0o600, "other/none": 0o644} {
		if info, err := os.Lstat(at(path)); err != nil || info.Mode() != mode || content(t, at(path)) != film {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	for _, link := range []string{"link", "chain", "dangling"} {
		if info, err := os.Lstat(at(link)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
	}
	if left, _ := filepath.Glob(at(".videosdgx-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	os.Symlink("loop", at("loop"))
	if err := writable(at("loop")); err == nil {
		t.Error("a link to itself will do")
	}
	if err := writable(at("none/clip.mp4")); err == nil {
		t.Error("a folder that is not there will do")
	}
}

func TestDevicesAndFIFOsAreWrittenThrough(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() { got <- content(t, fifo) }()
	saved(t, fifo)
	if s := <-got; s != film {
		t.Errorf("through the FIFO came %q", s)
	}
	link := filepath.Join(filepath.Dir(fifo), "link")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	saved(t, "/dev/null")
	saved(t, link)
	for path, kind := range map[string]fs.FileMode{fifo: fs.ModeNamedPipe, "/dev/null": fs.ModeCharDevice} {
		if info, err := os.Lstat(path); err != nil || info.Mode()&kind == 0 {
			t.Errorf("%s is now %v, %v", path, info, err)
		}
	}
	if err := saveClip("/dev/full", strings.NewReader(film)); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("a full device: %v", err)
	}
}

// TestOpenFilesAreAppendedTo: -o /dev/stdout >> FILE.
func TestOpenFilesAreAppendedTo(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("before, ")
	saved(t, fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if got := content(t, f.Name()); got != "before, "+film {
		t.Errorf("the file has %q", got)
	}
}

// TestAFileOfSeveralNamesKeepsThem, one in /dev/shm is replaced as any other, and a socket is refused before there is a clip.
func TestAFileOfSeveralNamesKeepsThem(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	if err := os.WriteFile(one, []byte("an old clip that was longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(one, two); err != nil {
		t.Fatal(err)
	}
	saved(t, one)
	if content(t, one) != film || content(t, two) != film {
		t.Errorf("%q and %q", content(t, one), content(t, two))
	}
	memory, err := os.CreateTemp("/dev/shm", "videosdgx-test-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(memory.Name())
	if _, err := memory.WriteString("old"); err != nil || memory.Close() != nil {
		t.Fatal(err)
	}
	if saved(t, memory.Name()); content(t, memory.Name()) != film {
		t.Errorf("%q", content(t, memory.Name()))
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := writable(filepath.Join(dir, "s")); err == nil || !strings.Contains(err.Error(), "it is a socket") {
		t.Error(err)
	}
}
