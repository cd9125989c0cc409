package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	GPUs      []string   // of those one for each device
}

// maxFloor is what a big machine keeps free: on unified memory exhaustion wedges the host without an OOM kill.
const maxFloor = 8 << 30

// Floor is the reserve of a pool: an eighth of it, and no more than 8 GiB.
func Floor(total spec.Bytes) spec.Bytes { return min(maxFloor, total/8) }

// Demand is an amount of memory per pool.
type Demand map[string]spec.Bytes

// unknownMemory stands for a function that names no limit: the default limit says nothing of what it needs.
const unknownMemory = 128 << 20

// Measured is the most that instances of a function were seen to hold: of the system's memory, and on any one GPU. Zero: nobody
// has looked yet, or can.
type Measured struct{ System, Device spec.Bytes }

// Footprint is what an instance of fn is taken to need: what has been measured of its memory, until then what its manifest says,
// limits.memory of the system's and deviceMemory from each pool that its devices draw from.
func Footprint(fn *spec.Function, pools []Pool, measured Measured) Demand {
	d := Demand{System: measured.System}
	if measured.System <= 0 {
		d[System] = fn.Limits.Memory
		if fn.Limits.Memory == spec.DefaultMemory {
			d[System] = unknownMemory
		}
	}
	for _, p := range pools {
		if wants(fn.GPUs, p.Devices) {
			d[p.Name] += cmp.Or(measured.Device, fn.DeviceMemory)
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

// Left is how much memory is free now on each of an instance's GPUs, the least of them; 0 where it has none.
func Left(gpus []string, pools []Pool, held []Holding) (left spec.Bytes) {
	for _, p := range pools {
		if n := free(p, held, nil); wants(gpus, p.Devices) && (left == 0 || n < left) {
			left = max(n, 1) // some is known to be there, however little
		}
	}
	return left
}

// TooFew says that a machine has fewer GPUs than an instance asks for.
type TooFew struct{ Want, Have int }

func (e *TooFew) Error() string {
	want, have := "GPUs are", "none; "+withoutGPU
	if e.Want == 1 {
		want = "GPU is"
	}
	if e.Have > 0 {
		have = strconv.Itoa(e.Have) + "; a smaller number in gpus, or the GPU's name, would do"
	}
	return fmt.Sprintf("%d %s asked for and this machine has %s", e.Want, want, have)
}

// Absent says that a machine lacks a GPU that an instance asks for by name, and which it has, by their numbers.
type Absent struct {
	Name string // "all", or as CDI calls it
	Has  []string
}

func (e *Absent) Error() string {
	name := e.Name
	if name == "all" {
		name = "a GPU (gpus: all)"
	}
	if len(e.Has) == 0 {
		return fmt.Sprintf("%s is asked for and this machine has none; %s", name, withoutGPU)
	}
	return fmt.Sprintf("%s is asked for and this machine has %s; one of these in gpus would do, or a number for any", name, strings.Join(e.Has, ", "))
}

const withoutGPU = "`videosdgx doctor` says why, and a manifest without gpus is served on the CPU"

// nvidias is how CDI calls NVIDIA's GPUs.
const nvidias = "nvidia.com/gpu="

// There refuses GPUs that are asked for by names and are not on this machine: the error is an *Absent. Names of parts of GPUs and of other
// vendors' are the driver's to know, except NVIDIA's on a machine without any. Without pools nothing is known, and nothing refused.
func There(asked []string, pools []Pool) error {
	var names, gpus []string
	for _, p := range pools {
		names, gpus = append(names, p.Devices...), append(gpus, p.GPUs...)
	}
	for _, a := range asked {
		id, ours := strings.CutPrefix(a, nvidias)
		if a == "all" {
			id, ours = a, true
		}
		_, err := strconv.Atoi(id)
		whole := err == nil || strings.HasPrefix(id, "GPU-")
		if len(pools) > 0 && ours && (len(names) == 0 || whole && !slices.Contains(names, a)) {
			return &Absent{Name: a, Has: gpus}
		}
	}
	return nil
}

// Choose names n GPUs for an instance that takes so much memory of each: those whose pools have most free. There are as many as
// asked for, or the error, a *TooFew, says how many there are.
func Choose(n int, each spec.Bytes, pools []Pool, held []Holding) ([]string, error) {
	type gpu struct {
		name string
		free spec.Bytes
	}
	var all []gpu
	for _, p := range pools {
		left := free(p, held, nil)
		for _, name := range p.GPUs {
			all = append(all, gpu{name, left})
			left -= each
		}
	}
	if len(all) < n {
		return nil, &TooFew{Want: n, Have: len(all)}
	}
	slices.SortStableFunc(all, func(a, b gpu) int { return cmp.Compare(b.free, a.free) })
	names := make([]string, n)
	for i := range names {
		names[i] = all[i].name
	}
	slices.Sort(names)
	return names, nil
}
