package doctor

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/internal/sentence"
)

// Shared says what a file has to be that somebody names as a library.
type Shared struct {
	Is      string // what it is called, such as "ONNX Runtime"
	Symbol  string // that it gives; "": any library will do
	Version string // the oldest that will do, where it says its own; "": any
}

// machines are the processors that functions run on, as files of libraries call them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Check says what is wrong with the file at path, as the end of a sentence that begins with its name ("which is not there");
// "" where nothing is. It reads the file and runs nothing of it. version is the file's own, where it says one.
func (s Shared) Check(path string) (version, wrong string) {
	if wrong := Regular(path); wrong != "" {
		return "", wrong
	}
	f, err := elf.Open(path)
	if err != nil || f.Type != elf.ET_DYN {
		if err == nil {
			_ = f.Close() // it was only read
		}
		return "", "which is no shared library"
	}
	defer f.Close()
	if want := machines[runtime.GOARCH]; f.Machine != want {
		return "", fmt.Sprintf("which is a library for %s, and this machine is %s", machine(f.Machine), machine(want))
	}
	if s.Symbol != "" && !gives(f, s.Symbol) {
		return "", fmt.Sprintf("which is no %s (it gives no %s)", s.Is, s.Symbol)
	}
	version = ownVersion(f)
	if s.Version != "" && version != "" && older(version, s.Version) {
		return version, fmt.Sprintf("which is %s %s, and %s or newer is needed", s.Is, version, s.Version)
	}
	return version, ""
}

// Regular says what keeps a path from being a file that can be read, as Shared.Check does.
func Regular(path string) string {
	st, wrong := look(path)
	switch {
	case wrong != "":
		return wrong
	case st.IsDir():
		return "which is a folder, where a file is expected"
	case !st.Mode().IsRegular():
		return "which is no file"
	}
	f, err := os.Open(path)
	if err != nil {
		return "which cannot be read (" + sentence.Bare(err) + ")"
	}
	_ = f.Close() // it was only opened
	return ""
}

// Folder says what keeps a path from being a folder that can be read, as Shared.Check does.
func Folder(path string) string {
	st, wrong := look(path)
	switch {
	case wrong != "":
		return wrong
	case !st.IsDir():
		return "which is a file, where a folder is expected"
	}
	if _, err := os.ReadDir(path); err != nil {
		return "which cannot be read (" + sentence.Bare(err) + ")"
	}
	return ""
}

// look says what is at a path, or why nobody can tell.
func look(path string) (st fs.FileInfo, wrong string) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "which is not there"
	case err != nil:
		return nil, "which cannot be read (" + sentence.Bare(err) + ")"
	}
	return st, ""
}

func machine(m elf.Machine) string {
	return strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
}

func gives(f *elf.File, symbol string) bool {
	all, err := f.DynamicSymbols()
	if err != nil {
		return false
	}
	for _, s := range all {
		if s.Name == symbol && s.Section != elf.SHN_UNDEF {
			return true
		}
	}
	return false
}

var versionForm = regexp.MustCompile(`^VERS_(\d+(?:\.\d+)+)$`)

// ownVersion is that of a library whose symbols bear one (VERS_1.27.0); "" where they bear none.
func ownVersion(f *elf.File) string {
	all, err := f.DynamicVersions()
	if err != nil {
		return ""
	}
	for _, v := range all {
		if m := versionForm.FindStringSubmatch(v.Name); m != nil {
			return m[1]
		}
	}
	return ""
}

// older compares dotted numbers.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX == nil && errY == nil && x != y {
			return x < y
		}
	}
	return len(as) < len(bs)
}
