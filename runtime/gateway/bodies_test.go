package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBodiesInMemoryThatWasAnothers: a body is what was sent, of its length, whatever lay where it came to lie; what broke
// off is no body.
func TestBodiesInMemoryThatWasAnothers(t *testing.T) {
	const limit = 9 << 20
	for _, n := range []int{5 << 20, 3 << 20, keptLeast, keptLeast - 1, 1, keptMost, keptMost + 1, 5<<20 + 3} {
		for c := range byte(3) {
			want := bytes.Repeat([]byte{'a' + c}, n)
			got, err := ReadBody(httptest.NewRequest("POST", "/", bytes.NewReader(want)), limit, "it")
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes of %c: %d, %v", n, 'a'+c, len(got), err)
			}
			FreeBody(got)
		}
	}
	broken := errors.New("broken")
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
	r.ContentLength = keptLeast
	if got, err := ReadBody(r, limit, "it"); err == nil || got != nil {
		t.Errorf("half a body: %d bytes, %v", len(got), err)
	}
}

// TestMemoryIsOneBodys at a time: what has not been given back is nobody else's.
func TestMemoryIsOneBodys(t *testing.T) {
	a, b := roomFor(1<<20), roomFor(1<<20)
	if &a[0] == &b[0] {
		t.Error("two bodies have the same memory")
	}
	FreeBody(a)
	FreeBody(b)
	FreeBody(nil)
	if c := roomFor(keptMost); len(c) != keptMost {
		t.Errorf("%d bytes for %d", len(c), keptMost)
	}
}
