package loras

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// Check finds in requests for jobs what their LoRAs would be refused for later, as far as that can be seen without reading any.
func (m *Merger) Check(fns dispatch.Functions) func(ctx context.Context, function string, list any) (problem string, err error) {
	return func(ctx context.Context, function string, list any) (problem string, err error) {
		fn, err := fns.Get(ctx, function, "")
		if err != nil || fn.Model == nil {
			return "", nil //nolint:nilerr // whoever runs the job says it
		}
		man, err := m.manifests.read(fn.Model.Bundle)
		if err != nil {
			return "", nil //nolint:nilerr // likewise
		}
		if man.Derived != nil {
			return gateway.Sentence(errDerived), nil
		}
		if err := m.vet(man, list); errdefs.IsInvalidArgument(err) {
			return gateway.Sentence(err), nil
		}
		return "", nil
	}
}

// vet says what is wrong with a list of LoRAs that can be seen without reading the weights of one.
func (m *Merger) vet(man *weights.Manifest, list any) error {
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
		if a.strength() == 0 {
			continue
		}
		some = true
		if parts := partsOf(man); a.Component == "" && len(parts) > 1 && !m.saysWhose(a, parts[1]) {
			return refused(fmt.Sprintf("loras[%d]: LoRA %s does not say which part of this model it changes: name its component, %s.", i, a.Name, strings.Join(parts, " or ")))
		}
	}
	if !some {
		return errNoStrength
	}
	return nil
}

// partsOf are the components that a LoRA for a model may be for, where the model's requests have to say it: none of a model that takes
// one for its own without.
func partsOf(man *weights.Manifest) []string {
	var s struct {
		Properties struct {
			LoRAs struct {
				Items struct {
					Properties struct {
						Component struct {
							Enum    []string
							Default any
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(man.Schema, &s); err != nil || s.Properties.LoRAs.Items.Properties.Component.Default != nil {
		return nil
	}
	return s.Properties.LoRAs.Items.Properties.Component.Enum
}

// saysWhose tells whether the names in a LoRA's file may say which of them are for a component; of one that cannot be read its merging says
// why.
func (m *Merger) saysWhose(a askedLoRA, component string) bool {
	f, err := weights.Open(m.path(a.Name))
	if err != nil {
		return true
	}
	defer f.Close()
	return slices.ContainsFunc(f.Names(), func(name string) bool { return strings.Contains(name, component+".") })
}

// What requests are refused for whose LoRAs are there.
var (
	errNoStrength = refused("every LoRA of loras is at strength 0: leave the field out.")
	errDerived    = refused("this model has LoRAs merged in already: ask the plain one for loras.")
)
