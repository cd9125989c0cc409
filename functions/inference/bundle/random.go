package bundle

import (
	"fmt"
	"hash/fnv"
	"math"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Randomise gives every weight noise in place of the checkpoint's content, and returns how many values there are: for
// measuring what does not depend on what a model has learnt.
func (r *Recipe) Randomise() (int64, error) {
	params, n := map[string]random{}, int64(0)
	for _, g := range r.Graphs {
		net, err := g.Build(nn.Options{})
		if err != nil {
			return 0, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		if params[g.Component] == nil {
			params[g.Component] = random{}
		}
		for _, p := range net.Params() {
			if _, known := params[g.Component][p.Name]; !known {
				params[g.Component][p.Name] = p
				n += p.Elements()
			}
		}
	}
	r.Identity, r.Unchanged = "", nil
	r.Weights = func(component string) nn.Source { return params[component] }
	return n, nil
}

// random gives every parameter values around zero whose products neither vanish nor explode. The same name and position
// give the same value.
type random map[string]nn.Param

func (s random) find(name string) (nn.Param, error) {
	p, ok := s[name]
	if !ok {
		return p, fmt.Errorf("no random tensor %s: %w", name, errdefs.ErrNotFound)
	}
	return p, nil
}

func (s random) Info(name string) (weights.Info, error) {
	p, err := s.find(name)
	return weights.Info{Name: name, DType: weights.F32, Shape: p.Dims}, err
}

func (s random) ReadFloat32(name string, at int64, dst []float32) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	seed, scale := h.Sum64(), float32(2/math.Sqrt(float64(p.Elements()/p.Dims[0])))
	for i := range dst {
		dst[i] = (float32(mix(seed+uint64(at)+uint64(i))>>40)/(1<<24) - 0.5) * scale
	}
	return nil
}

// mix is the finaliser of SplitMix64: every bit of x changes half of the result's.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
