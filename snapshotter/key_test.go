package snapshotter

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestEveryFieldCounts changes each field of a key in turn.
func TestEveryFieldCounts(t *testing.T) {
	base := Key{Image: "i", Bundle: "b", Config: "c", Version: "1", Runtime: "r", Machine: Machine{Kernel: "k", CRIU: "4.2", CPU: "x", GPU: "g", Driver: "d"}}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Key]()) {
		if f.Anonymous {
			continue
		}
		other := base
		reflect.ValueOf(&other).Elem().FieldByIndex(f.Index).SetString("changed")
		if other.Digest() == base.Digest() {
			t.Errorf("%s does not change the digest", f.Name)
		}
		var m *MismatchError
		if err := base.Matches(other); !errors.As(err, &m) || m.Field != strings.ToLower(f.Name) || !errdefs.IsFailedPrecondition(err) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if err := base.Matches(base); err != nil {
		t.Error(err)
	}
}

func TestCPUDigestIgnoresOrderAndOtherCores(t *testing.T) {
	one := "model name\t: X 1\nflags\t\t: avx fma sse\ncpu MHz : 100\n\nprocessor: 1\nflags: other\n"
	two := "cpu MHz : 200\nmodel name : X 1\nflags : sse avx  fma\n"
	if a, b := cpuDigest(strings.NewReader(one)), cpuDigest(strings.NewReader(two)); a != b {
		t.Errorf("%s and %s", a, b)
	}
	if a, b := cpuDigest(strings.NewReader(one)), cpuDigest(strings.NewReader(strings.Replace(one, "avx", "avx2", 1))); a == b {
		t.Error("another instruction set, the same digest")
	}
	m, err := ThisMachine("4.2", "", "")
	if err != nil || m.Kernel == "" || m.CPU == "" {
		t.Errorf("%+v, %v", m, err)
	}
}
