package kernelstest

import (
	"debug/elf"
	"slices"
	"testing"
)

// TestTheLibraryExportsItsEntryAlone: its C++ runtime is linked in and must not meet another one in the process.
func TestTheLibraryExportsItsEntryAlone(t *testing.T) {
	f, err := elf.Open(Library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var exported []string
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && elf.ST_BIND(s.Info) != elf.STB_LOCAL { // arm64's linker lists sections too
			exported = append(exported, s.Name)
		}
	}
	if want := []string{"RegisterCustomOps"}; !slices.Equal(exported, want) {
		t.Errorf("exports %q, want %q", exported, want)
	}
}
