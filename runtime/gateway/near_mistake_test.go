package gateway_test

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

type broken struct{ gateway.Functions }

func (broken) Mistake(name string) string {
	if name == "bad" {
		return "bad/function.yaml:2: imagee: is not a field"
	}
	return ""
}

func TestFindNamesTheManifestsMistake(t *testing.T) {
	fns := broken{&gatewaytest.Catalog{}}
	_, err := gateway.Find(t.Context(), fns, "bad", "")
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "function.yaml:2") {
		t.Errorf("%v", err)
	}
	if _, err := gateway.Find(t.Context(), fns, "other", ""); !errdefs.IsNotFound(err) || strings.Contains(err.Error(), "yaml") {
		t.Errorf("%v", err)
	}
}

func TestFindFoldedKnowsNamesWithCapitals(t *testing.T) {
	fns := &gatewaytest.Catalog{}
	for _, name := range []string{"Echo", "both", "Both", "BOTH", "Twin", "tWIN"} {
		if _, err := fns.Put(t.Context(), spec.Function{Name: name, Image: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	for host, want := range map[string]string{"echo": "Echo", "Echo": "Echo", "eCHO": "Echo", "both": "both", "Both": "Both"} {
		if fn, err := gateway.FindFolded(t.Context(), fns, host, ""); err != nil || fn.Name != want {
			t.Errorf("%s: %s %v", host, fn.Name, err)
		}
	}
	if _, err := gateway.FindFolded(t.Context(), fns, "twin", ""); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "/fn/NAME/") {
		t.Errorf("two are meant: %v", err)
	}
	if _, err := gateway.FindFolded(t.Context(), fns, "ech", ""); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "Echo") {
		t.Errorf("none is meant: %v", err)
	}
}
