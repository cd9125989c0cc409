// Package sharedlibtest makes files that are shared libraries and nothing more, for tests of what looks at them.
package sharedlibtest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"
)

// Least is the least that is a shared library for a processor: a head that names no section and no symbol. Of so many bytes of segments it
// says that they follow.
func Least(t *testing.T, m elf.Machine, segments uint64) []byte {
	t.Helper()
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(m), Version: 1, Ehsize: 64, Phentsize: 56, Shentsize: 64}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var all []any
	if segments > 0 {
		h.Phoff, h.Phnum = 64, 1
		all = append(all, elf.Prog64{Type: uint32(elf.PT_LOAD), Off: 64 + 56, Filesz: segments, Memsz: segments})
	}
	var b bytes.Buffer
	for _, part := range append([]any{h}, all...) {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// Machines are the processors that a test may say, by their names in Go.
var Machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
