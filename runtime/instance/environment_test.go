package instance

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestAModelsFieldsReachItsEnvironment(t *testing.T) {
	own := map[string]string{"A": "1", "VIDEOSDGX_DEVICE": "cpu"}
	for name, c := range map[string]struct {
		fn   spec.Function
		want map[string]string
	}{
		"no model":           {spec.Function{Env: own}, own},
		"nothing said":       {spec.Function{Model: &spec.Model{}}, nil},
		"both said":          {spec.Function{Model: &spec.Model{Device: "cuda", AcceptLicense: "l"}}, map[string]string{"VIDEOSDGX_DEVICE": "cuda", "VIDEOSDGX_ACCEPT_LICENSE": "l"}},
		"several GPUs":       {spec.Function{GPUs: spec.AnyGPUs(2), Model: &spec.Model{}}, map[string]string{"VIDEOSDGX_GPUS": "2"}},
		"its own goes first": {spec.Function{Env: own, Model: &spec.Model{Device: "cuda", AcceptLicense: "l"}}, map[string]string{"A": "1", "VIDEOSDGX_DEVICE": "cpu", "VIDEOSDGX_ACCEPT_LICENSE": "l"}},
	} {
		if d := cmp.Diff(c.want, environment(c.fn)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if len(own) != 2 {
		t.Error("the manifest's own map was changed")
	}
}
