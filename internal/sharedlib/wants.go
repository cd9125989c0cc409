package sharedlib

import (
	"debug/elf"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Wants says what a file has to be that somebody names as a library.
type Wants struct {
	Is      string // what it is called, such as "ONNX Runtime"
	Symbol  string // that it gives; "": any library will do
	Version string // the oldest that will do, where it says its own; "": any
}

// Check is the package's, and holds the file to w too. version is the file's own, where it says one.
func (w Wants) Check(path string) (version string, err error) {
	err = with(path, func(f *elf.File) error {
		if w.Symbol != "" && !gives(f, w.Symbol) {
			return fmt.Errorf("it is no %s (it gives no %s)", w.Is, w.Symbol)
		}
		version = ownVersion(f)
		if w.Version != "" && version != "" && older(version, w.Version) {
			return fmt.Errorf("it is %s %s, and %s or newer is needed", w.Is, version, w.Version)
		}
		return nil
	})
	return version, err
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
