package ort

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// Every page of what is to be filled is there afterwards, and nothing but a page's first byte is written to.
func TestNewMemoryIsThereBeforeACopy(t *testing.T) {
	const size = 64<<20 + 12345
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(b) }()
	page := os.Getpagesize()
	there := make([]byte, (size+page-1)/page)
	resident := func() (n int) {
		if _, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&b[0])), size, uintptr(unsafe.Pointer(&there[0]))); errno != 0 {
			t.Fatal(errno)
		}
		for _, p := range there {
			n += int(p & 1)
		}
		return n
	}
	if n := resident(); n > len(there)/2 {
		t.Fatalf("%d of %d pages are there before", n, len(there))
	}
	touch(b)
	if n := resident(); n < len(there)-2 { // what parts leave at the end is less than a page for each
		t.Errorf("%d of %d pages are there", n, len(there))
	}
	small := []byte{1, 2, 3}
	if touch(small); small[0] != 1 {
		t.Error("what is small was written to")
	}
}
