package placement

import (
	"slices"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// System is the name of the pool of the machine's own memory.
const System = "system"

// Pool is one memory that instances draw from: the system's, or a GPU's. A machine with unified memory has one.
type Pool struct {
	Name      string
	Total     spec.Bytes
	Floor     spec.Bytes // never given to instances
	Available spec.Bytes // what the machine says is free or can be freed at once; negative: it does not say
	Devices   []string   // CDI names of the devices that draw from it
}

// maxFloor is what a big machine keeps free: on unified memory exhaustion wedges the host without an OOM kill.
const maxFloor = 8 << 30

// Floor is the reserve of a pool: an eighth of it, and no more than 8 GiB.
func Floor(total spec.Bytes) spec.Bytes { return min(maxFloor, total/8) }

// Demand is an amount of memory per pool.
type Demand map[string]spec.Bytes

// unknownMemory stands for a function that names no limit: the default limit says nothing of what it needs.
const unknownMemory = 128 << 20

// Footprint is what an instance of fn is taken to need: what has been measured of its system memory, until then what its
// manifest says; and its deviceMemory from each pool that its devices draw from.
func Footprint(fn *spec.Function, pools []Pool, measured spec.Bytes) Demand {
	d := Demand{System: measured}
	if measured <= 0 {
		d[System] = fn.Limits.Memory
		if fn.Limits.Memory == spec.DefaultMemory {
			d[System] = unknownMemory
		}
	}
	for _, p := range pools {
		if wants(fn.GPUs, p.Devices) {
			d[p.Name] += fn.DeviceMemory
		}
	}
	return d
}

// wants says whether one of the devices asked for is among those of a pool.
func wants(asked, has []string) bool {
	for _, a := range asked {
		if slices.Contains(has, a) || (len(has) > 0 && (a == "all" || a == "nvidia.com/gpu=all")) {
			return true
		}
	}
	return false
}
