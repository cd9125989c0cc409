package gateway_test

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
)

type broken struct{ gateway.Functions }

func (broken) Problem(name string) string {
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
