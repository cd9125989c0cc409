package reseed

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	absent  = 0
	written = pagePresent | 42
	swapped = pageSwapped
	ofFile  = pagePresent | pageOfFile | 42
)

// pages is a pagemap whose address space begins with these entries.
func pages(t *testing.T, entries ...uint64) *pagemap {
	t.Helper()
	var b []byte
	for _, e := range entries {
		b = binary.NativeEndian.AppendUint64(b, e)
	}
	file := filepath.Join(t.TempDir(), "pagemap")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openPagemap(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

func TestWritten(t *testing.T) {
	many := slices.Repeat([]uint64{written}, atOnce+2)
	many[atOnce+1] = absent
	for name, c := range map[string]struct {
		entries  []uint64
		from, to uint64 // pages
		want     []mapping
	}{
		"none":                     {[]uint64{absent, ofFile}, 0, 2, nil},
		"one run":                  {[]uint64{absent, written, swapped, absent}, 0, 4, []mapping{{from: 1, to: 3}}},
		"to the end":               {[]uint64{written, ofFile, written}, 0, 3, []mapping{{from: 0, to: 1}, {from: 2, to: 3}}},
		"inside the range":         {[]uint64{written, written, written}, 1, 2, []mapping{{from: 1, to: 2}}},
		"a run is cut":             {many, 0, atOnce + 2, []mapping{{from: 0, to: atOnce}, {from: atOnce, to: atOnce + 1}}},
		"the kernel does not tell": {nil, 0, 2, []mapping{{from: 0, to: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pages(t, c.entries...)
			var got []mapping
			for r := range p.written(mapping{from: c.from * p.page, to: c.to * p.page}) {
				got = append(got, mapping{from: r.from / p.page, to: r.to / p.page})
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(mapping{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWrittenStops also when only a part is wanted.
func TestWrittenStops(t *testing.T) {
	p := pages(t, written, absent, written)
	for range p.written(mapping{from: 0, to: 3 * p.page}) {
		break
	}
}
