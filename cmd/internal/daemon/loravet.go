package daemon

import (
	"context"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// loraVet finds in requests for jobs what their LoRAs would be refused for later, as far as that can be seen without reading any.
type loraVet struct {
	functions dispatch.Functions
	merger    *merger
}

// check is rest.Options.CheckLoRAs.
func (v loraVet) check(ctx context.Context, function string, list any) (problem string, err error) {
	fn, err := v.functions.Get(ctx, function, "")
	if err != nil || fn.Model == nil {
		return "", nil //nolint:nilerr // whoever runs the job says it
	}
	man, err := v.merger.manifests.read(fn.Model.Bundle)
	if err != nil {
		return "", nil //nolint:nilerr // likewise
	}
	if man.Derived != nil {
		return gateway.Sentence(errDerived), nil
	}
	if err := v.merger.vet(list); errdefs.IsInvalidArgument(err) {
		return gateway.Sentence(err), nil
	}
	return "", nil
}

// vet says what is wrong with a list of LoRAs that can be seen without reading one.
func (m *merger) vet(list any) error {
	asked, err := readLoRAs(list)
	if err != nil {
		return err
	}
	some := false
	for i, a := range asked {
		f, err := m.open(i, a)
		if err != nil {
			return err
		}
		f.Close()
		some = some || a.strength() != 0
	}
	if !some {
		return errNoStrength
	}
	return nil
}

// What requests are refused for whose LoRAs are there.
var (
	errNoStrength = refusedLoRAs("loras are all at strength 0: leave the field out.")
	errDerived    = refusedLoRAs("this model has LoRAs merged in already: ask the plain one for loras.")
)
