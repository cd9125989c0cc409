package device

import (
	"math"
	"strconv"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// GPU is one accelerator.
type GPU struct {
	Index   int        `json:"index"`
	UUID    string     `json:"uuid"`
	Name    string     `json:"name"`
	Compute string     `json:"compute,omitempty"` // capability, "12.1"
	Total   spec.Bytes `json:"total,omitempty"`   // 0: it draws from the system's memory
	Free    spec.Bytes `json:"free,omitempty"`
	Unified bool       `json:"unified"`
}

// devices are the CDI names that mean this GPU.
func (g GPU) devices() []string { return []string{g.device(), "nvidia.com/gpu=" + g.UUID} }

func (g GPU) device() string { return "nvidia.com/gpu=" + strconv.Itoa(g.Index) }

// Compute is the compute capability that every GPU of this machine has, "12.1": that of the oldest. It is empty where there is no GPU,
// or none that says.
func Compute() string {
	s := open()
	defer s.close()
	return lowest(s.look(0).All)
}

func lowest(all []GPU) (compute string) {
	least := math.Inf(1)
	for _, g := range all {
		if v, err := strconv.ParseFloat(g.Compute, 64); err == nil && v < least {
			least, compute = v, g.Compute
		}
	}
	return compute
}

// pool is the name of the memory that it draws from.
func (g GPU) pool() string {
	if g.Unified {
		return placement.System
	}
	return "gpu" + strconv.Itoa(g.Index)
}

// gpus is what NVML reports, or why there is no NVML.
type gpus struct {
	Driver string // "" without one
	CUDA   string // the newest that the driver speaks
	All    []GPU
	Reason string // why there are none
}

// source is where GPUs are asked for. look describes all of them; free is the free memory, in bytes, of one that has
// memory of its own, negative when the driver does not say; close releases the driver's library.
type source interface {
	look(system spec.Bytes) gpus
	free(index int) spec.Bytes
	held(index int) map[int]spec.Bytes
	close()
}

// none is a machine without NVML.
type none struct{ reason string }

func (n none) look(spec.Bytes) gpus      { return gpus{Reason: n.reason} }
func (none) free(int) spec.Bytes         { return -1 }
func (none) held(int) map[int]spec.Bytes { return nil }
func (none) close()                      {}
