// Package sharedlib says whether a file is a shared library that may be opened, before it is: dlopen waits for a pipe without end, and of
// a file that is cut off, as a download may be, the system ends the whole process (SIGBUS) as soon as what is missing is touched.
package sharedlib

import (
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"

	"github.com/videosdgx/videosdgx/internal/regular"
)

// machines are the processors that functions run on, as files of libraries call them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Check says why the file at path must not be opened as a shared library, in a clause that begins with "it" ("it is cut off: …"); nil where
// nothing is known against it. It reads the file and runs nothing of it. What is not there is fs.ErrNotExist.
func Check(path string) error {
	return with(path, func(*elf.File) error { return nil })
}

// with reads the head of the library at path.
func with(path string, read func(*elf.File) error) error {
	file, err := regular.Open(path)
	if err != nil {
		return fault{regular.Fault(err), err}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fault{regular.Fault(err), err}
	}
	f, err := elf.NewFile(file) // the table of sections is at the end
	if err != nil {
		return notELF(file, err)
	}
	if err := whole(f, info); err != nil {
		return err
	}
	if want := machines[runtime.GOARCH]; f.Machine != want {
		return fmt.Errorf("it is a library for %s, and this machine is %s", machine(f.Machine), machine(want))
	}
	return read(f)
}

// fault is a clause for what the system says of a file.
type fault struct {
	text string
	err  error
}

func (f fault) Error() string { return f.text }
func (f fault) Unwrap() error { return f.err }

// notELF tells what has the beginning of a library and no end from what is none at all.
func notELF(file io.ReaderAt, err error) error {
	head := make([]byte, len(elf.ELFMAG))
	if _, e := file.ReadAt(head, 0); e != nil || string(head) != elf.ELFMAG {
		return fmt.Errorf("it is no shared library")
	}
	return fmt.Errorf("it is cut off, or no shared library (%w)", err)
}

// whole says of a file that is one whether it has all that its segments say.
func whole(f *elf.File, info fs.FileInfo) error {
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("it is no shared library")
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Off+p.Filesz > uint64(info.Size()) {
			return fmt.Errorf("it is cut off: it has %d bytes, and says that it has %d at least", info.Size(), p.Off+p.Filesz)
		}
	}
	return nil
}

func machine(m elf.Machine) string {
	return strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
}
