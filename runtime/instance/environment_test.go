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
		left spec.Bytes
		want map[string]string
	}{
		"no model":           {spec.Function{Env: own}, 5, own},
		"nothing said":       {spec.Function{Model: &spec.Model{}}, 0, nil},
		"both said":          {spec.Function{Model: &spec.Model{Device: "cuda", AcceptLicense: "l"}}, 0, map[string]string{"VIDEOSDGX_DEVICE": "cuda", "VIDEOSDGX_ACCEPT_LICENSE": "l"}},
		"several GPUs":       {spec.Function{GPUs: spec.AnyGPUs(2), Model: &spec.Model{}}, 7 << 30, map[string]string{"VIDEOSDGX_GPUS": "2", "VIDEOSDGX_DEVICE_FREE": "7516192768"}},
		"its own goes first": {spec.Function{Env: own, Model: &spec.Model{Device: "cuda", AcceptLicense: "l"}}, 0, map[string]string{"A": "1", "VIDEOSDGX_DEVICE": "cpu", "VIDEOSDGX_ACCEPT_LICENSE": "l"}},
	} {
		if d := cmp.Diff(c.want, environment(c.fn, c.left)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if len(own) != 2 {
		t.Error("the manifest's own map was changed")
	}
}
