package doctor

import (
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/internal/regular"
	"github.com/videosdgx/videosdgx/internal/sharedlib"
)

// Shared says what a file has to be that somebody names as a library.
type Shared sharedlib.Wants

// Check says what is wrong with the file at path, as the end of a sentence that begins with its name ("which is not there");
// "" where nothing is. It reads the file and runs nothing of it. version is the file's own, where it says one.
func (s Shared) Check(path string) (version, wrong string) {
	version, err := sharedlib.Wants(s).Check(path)
	if err != nil {
		return version, which(err.Error())
	}
	return version, ""
}

// which makes the end of a sentence of a clause that begins with "it".
func which(clause string) string { return "which " + strings.TrimPrefix(clause, "it ") }

// Regular says what keeps a path from being a file that can be read, as Shared.Check does.
func Regular(path string) string {
	f, err := regular.Open(path)
	if err != nil {
		return which(regular.Fault(err))
	}
	_ = f.Close() // it was only opened
	return ""
}

// Folder says what keeps a path from being a folder that can be read, as Shared.Check does.
func Folder(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return which(regular.Fault(err))
	}
	if !st.IsDir() {
		return "which is a file, where a folder is expected"
	}
	if _, err := os.ReadDir(path); err != nil {
		return which(regular.Fault(err))
	}
	return ""
}
