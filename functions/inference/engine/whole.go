package engine

import (
	"debug/elf"
	"fmt"

	"github.com/videosdgx/videosdgx/internal/regular"
)

// WholeLibrary says why the file at path must not be opened as a shared library, as the end of a sentence that begins with its name;
// nil where nothing is known against it. dlopen waits for a pipe without end, and of a file that is cut off, as a download may be,
// the system ends the whole process (SIGBUS) as soon as what is missing is touched.
func WholeLibrary(path string) error {
	file, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f, err := elf.NewFile(file) // the table of sections is at the end
	if err != nil {
		return fmt.Errorf("it is cut off, or no shared library (%w)", err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Off+p.Filesz > uint64(info.Size()) {
			return fmt.Errorf("it is cut off: it has %d bytes, and says that it has %d at least", info.Size(), p.Off+p.Filesz)
		}
	}
	return nil
}
