package placement

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestGPUsWithMostFreeMemoryAreChosen(t *testing.T) {
	discrete := []Pool{{Name: System, Total: 64 * gib, Available: -1}}
	for _, name := range []string{"0", "1", "2"} {
		discrete = append(discrete, Pool{Name: "gpu" + name, Total: 24 * gib, Available: -1, GPUs: []string{"g=" + name}, Devices: []string{"g=" + name}})
	}
	held := []Holding{
		{ID: "a", Demand: Demand{"gpu0": 20 * gib}, Settled: true}, {ID: "b", Demand: Demand{"gpu1": 4 * gib}, Settled: true},
	}
	shared := []Pool{{Name: System, Total: 128 * gib, Available: -1, GPUs: []string{"g=0"}, Devices: []string{"g=0", "g=GPU-1"}}}
	for _, c := range []struct {
		n     int
		pools []Pool
		want  string // the names, or in the sentence
	}{
		{1, discrete, "g=2"}, {2, discrete, "g=1 g=2"}, {3, discrete, "g=0 g=1 g=2"},
		{4, discrete, "4 GPUs are asked for and this machine has 3;"},
		{1, shared, "g=0"}, {2, shared, "this machine has 1;"}, {1, nil, "has none;"},
	} {
		got, err := Choose(c.n, 8*gib, c.pools, held)
		if err != nil {
			if !errors.As(err, new(*TooFew)) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d: %v, expected %q", c.n, err, c.want)
			}
			continue
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%d: %v, expected %s", c.n, got, c.want)
		}
	}
	for want, gpus := range map[int64][]string{4: {"g=0"}, 20: {"g=1"}, 24: {"g=2"}, 0: nil} {
		if got := Left(gpus, discrete, held); got != spec.Bytes(want)*gib {
			t.Errorf("%s is left on %v, not %d GiB", got, gpus, want)
		}
	}
	if got := Left([]string{"all"}, discrete, held); got != 4*gib {
		t.Errorf("%s is left on each", got)
	}
	if got, _ := Choose(3, 0, discrete, nil); !slices.IsSorted(got) {
		t.Errorf("%v: CUDA counts the devices in this order", got)
	}
}

func TestGPUsThatAreNotThere(t *testing.T) {
	pools := []Pool{{Name: System}, {Name: "gpu0", GPUs: []string{"nvidia.com/gpu=0"}, Devices: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=GPU-7f"}}}
	for name, want := range map[string][2]string{ // on that machine, and on one without a GPU
		"all": {"", "all"}, "nvidia.com/gpu=all": {"", "nvidia.com/gpu=all"},
		"nvidia.com/gpu=0": {"", "nvidia.com/gpu=0"}, "nvidia.com/gpu=GPU-7f": {"", "nvidia.com/gpu=GPU-7f"},
		"nvidia.com/gpu=1": {"nvidia.com/gpu=1", "nvidia.com/gpu=1"}, "nvidia.com/gpu=GPU-8": {"nvidia.com/gpu=GPU-8", "nvidia.com/gpu=GPU-8"},
		"nvidia.com/gpu=0:1": {"", "nvidia.com/gpu=0:1"}, "nvidia.com/gpu=MIG-3": {"", "nvidia.com/gpu=MIG-3"}, // parts, which the driver knows
		"amd.com/gpu=0": {"", ""},
	} {
		for i, p := range [][]Pool{pools, pools[:1]} {
			var absent *Absent
			if err := There([]string{name}, p); errors.As(err, &absent) != (want[i] != "") || absent != nil && absent.Name != want[i] {
				t.Errorf("%s on machine %d: %v", name, i, err)
			}
		}
		if err := There([]string{name}, nil); err != nil {
			t.Errorf("%s where nothing is known: %v", name, err)
		}
	}
	for n, want := range map[int]string{1: "1 GPU is asked for and this machine has none; ", 2: "2 GPUs are asked for and this machine has none; "} {
		if err := (&TooFew{Want: n}); !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
}
