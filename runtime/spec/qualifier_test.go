package spec

import (
	"strings"
	"testing"
)

func TestIsQualifier(t *testing.T) {
	for _, good := range []string{"$LATEST", "1", "42", "prod", "a_b-C", strings.Repeat("x", 128)} {
		if !IsQualifier(good) {
			t.Errorf("%q is none", good)
		}
	}
	for _, bad := range []string{"", "$latest", "LATEST$", "$LATEST1", "a b", "a.b", "é", "1\n", strings.Repeat("x", 129)} {
		if IsQualifier(bad) {
			t.Errorf("%q is one", bad)
		}
	}
}
