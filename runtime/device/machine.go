package device

import (
	"fmt"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Machine answers what there is. Safe for concurrent use.
type Machine struct {
	root  string
	limit spec.Bytes
	gpus  source

	mu   sync.Mutex
	seen *Probe // what does not change, from the first call of Pools
}

// Open looks at the machine. limit, if not 0, is what instances may have of the system's memory together. It fails only
// where there is no /proc/meminfo; Close gives NVML back.
func Open(limit spec.Bytes) (*Machine, error) {
	m := &Machine{root: "/", limit: limit, gpus: open()}
	if _, err := readMemory(m.root); err != nil {
		m.gpus.close()
		return nil, fmt.Errorf("cannot tell how much memory the machine has: %w", err)
	}
	return m, nil
}

// Close gives back what Open took.
func (m *Machine) Close() { m.gpus.close() }

// Probe is everything that is known, for people and `doctor --json`.
type Probe struct {
	Memory  Memory     `json:"memory"`
	Floor   spec.Bytes `json:"floor"` // kept free
	Driver  string     `json:"driver,omitempty"`
	CUDA    string     `json:"cuda,omitempty"`
	GPUs    []GPU      `json:"gpus"`
	NoGPU   string     `json:"noGpu,omitempty"` // why there is none
	Unified bool       `json:"unified"`         // the GPU draws from the system's memory
	Cgroup  string     `json:"cgroup"`          // "v2", "v1" or "none"
}

// Probe asks for everything anew.
func (m *Machine) Probe() (Probe, error) {
	mem, err := readMemory(m.root)
	if err != nil {
		return Probe{}, err
	}
	g := m.gpus.look(mem.Total)
	p := Probe{
		Memory: mem, Floor: placement.Floor(mem.Total), Driver: g.Driver, CUDA: g.CUDA, GPUs: g.All, NoGPU: g.Reason,
		Cgroup: groupVersion(m.root),
	}
	for _, d := range g.All {
		p.Unified = p.Unified || d.Unified
	}
	return p, nil
}

// Pools gives the memory pools as they are now. It is quick: devices are looked for once, and after that only their
// free memory is read. A pool whose free memory cannot be read just now has a negative Available.
func (m *Machine) Pools() []placement.Pool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.look() {
		return nil
	}
	p := *m.seen
	if now, err := readMemory(m.root); err == nil {
		p.Memory = now
	} else {
		p.Memory.Available = -1
	}
	all := pools(p, m.limit)
	for i, g := range own(p.GPUs) {
		all[i+1].Available = m.gpus.free(g.Index)
	}
	return all
}

// look looks for the devices, once; with mu held. False when they cannot be seen: Open has read them, so this does not last.
func (m *Machine) look() bool {
	if m.seen == nil {
		p, err := m.Probe()
		if err != nil {
			return false
		}
		m.seen = &p
	}
	return true
}

// Held is the device memory that every process holds, as the driver says, by the process's id and the name of the pool that the
// GPU draws from. It has only processes that hold any; without a GPU it is empty and costs nothing.
func (m *Machine) Held() map[int]placement.Demand {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.look() {
		return nil
	}
	all := map[int]placement.Demand{}
	for _, g := range m.seen.GPUs {
		for pid, n := range m.gpus.held(g.Index) {
			if all[pid] == nil {
				all[pid] = placement.Demand{}
			}
			all[pid][g.pool()] += n
		}
	}
	return all
}

// own are the GPUs with memory of their own.
func own(all []GPU) (some []GPU) {
	for _, g := range all {
		if !g.Unified {
			some = append(some, g)
		}
	}
	return some
}

// pools makes one pool of the system's memory and one of each GPU that has its own.
func pools(p Probe, limit spec.Bytes) []placement.Pool {
	system := placement.Pool{Name: placement.System, Total: p.Memory.Total, Floor: p.Floor, Available: p.Memory.Available}
	if limit > 0 && limit < system.Total-system.Floor {
		system.Total = limit + system.Floor
	}
	all := []placement.Pool{system}
	for _, g := range p.GPUs {
		if g.Unified {
			all[0].Devices, all[0].GPUs = append(all[0].Devices, g.devices()...), append(all[0].GPUs, g.device())
			continue
		}
		all = append(all, placement.Pool{
			Name: g.pool(), Total: g.Total, Floor: g.Total / 32, // contexts and fragmentation
			Available: g.Free, Devices: g.devices(), GPUs: []string{g.device()},
		})
	}
	return all
}
