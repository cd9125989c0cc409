package snapshots

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// TestSnapshotsComeBackOnTheirGPU: the function takes any, and which has most room changes as it likes. The driver brings memory back to
// the GPU that it was on, so the snapshot is proven there, and a start that got the other one is plain.
func TestSnapshotsComeBackOnTheirGPU(t *testing.T) {
	const first, second = "nvidia.com/gpu=0", "nvidia.com/gpu=1"
	var roomy atomic.Value // the GPU with most room
	roomy.Store(second)
	r := newRig(t, func(r *rig) {
		r.fn.GPUs = spec.AnyGPUs(1)
		r.pools = func() []placement.Pool {
			all := []placement.Pool{{Name: placement.System, Total: 64 << 30, Available: -1}}
			for _, name := range []string{first, second} {
				room := spec.Bytes(24 << 30)
				if name == roomy.Load() {
					room *= 2
				}
				all = append(all, placement.Pool{Name: name, Total: room, Available: -1, Devices: []string{name}, GPUs: []string{name}})
			}
			return all
		}
		r.box.dump = func(context.Context, string) error { roomy.Store(first); return nil } // before it is proven
	})
	r.ask()
	r.counts(2, 1, 1)
	if made := r.only(catalog.Ready); !slices.Equal(made.GPUs, []string{second}) || !slices.Equal(r.box.restored, made.GPUs) {
		t.Errorf("made on %v, proven on %v", made.GPUs, r.box.restored)
	}
	r.ask()
	r.counts(3, 1, 1)
	roomy.Store(second)
	r.ask()
	r.counts(3, 1, 2)
	if !slices.Equal(r.box.restored, []string{second}) {
		t.Errorf("restored on %v", r.box.restored)
	}
}
