package dispatch

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// cards is a machine with so many GPUs of 24 GiB.
func cards(n int) func(*Config) {
	return func(c *Config) {
		c.Pools = func() []placement.Pool {
			all := []placement.Pool{{Name: placement.System, Total: 64 * gib, Available: -1}}
			for i := range n {
				name := "nvidia.com/gpu=" + string(rune('0'+i))
				all = append(all, placement.Pool{Name: "gpu" + string(rune('0'+i)), Total: 24 * gib, Available: -1, Devices: []string{name}, GPUs: []string{name}})
			}
			return all
		}
	}
}

func wants(n int, each spec.Bytes) func(*spec.Function) {
	return func(fn *spec.Function) { fn.GPUs, fn.DeviceMemory = spec.AnyGPUs(n), each }
}

// A function that asks for two GPUs gets two that have room, and instances of others go where it is not.
func TestGPUsAreChosenByWhatIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cards(3))
		r.begin()
		var mu sync.Mutex
		has := map[string][]string{}
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			gpus, err := b.cfg.Devices()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			has[b.cfg.Function.Name] = gpus
			mu.Unlock()
			time.Sleep(time.Minute)
			return e, nil
		}
		r.function("pair", wants(2, 16*gib))
		r.function("one", wants(1, 16*gib))
		r.function("named", func(fn *spec.Function) { fn.GPUs, fn.DeviceMemory = spec.GPUs{"nvidia.com/gpu=0"}, 4*gib })
		var work sync.WaitGroup
		for _, name := range []string{"pair", "one", "named"} {
			work.Go(func() { r.must(name, "x") })
			synctest.Wait()
			time.Sleep(time.Second)
		}
		work.Wait()
		all := slices.Concat(has["pair"], has["one"])
		slices.Sort(all)
		if len(has["pair"]) != 2 || len(has["one"]) != 1 || len(slices.Compact(all)) != 3 {
			t.Errorf("pair has %v, one %v", has["pair"], has["one"])
		}
		if !slices.Equal(has["named"], []string{"nvidia.com/gpu=0"}) {
			t.Errorf("named has %v", has["named"])
		}
		r.end()
	})
}

func TestMoreGPUsThanThereAreAreRefused(t *testing.T) {
	for n, say := range map[int]string{0: "has none", 1: "has 1;"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, cards(n))
			r.begin()
			r.function("pair", wants(2, gib))
			if _, _, err := r.call(t.Context(), "pair", "x"); !errdefs.IsFailedPrecondition(err) ||
				!strings.Contains(err.Error(), "function pair: 2 GPUs are asked for and this machine "+say) {
				t.Errorf("%d GPUs: %v", n, err)
			}
			r.end()
		})
	}
}

// GPUs by name that are not there are refused at the start, whichever driver there is, and the others run.
func TestGPUsByNameThatAreNotThereAreRefused(t *testing.T) {
	for _, c := range []struct {
		cards int
		gpus  spec.GPUs
		say   string // "": it runs
	}{
		{0, spec.GPUs{"all"}, "a GPU (gpus: all) is asked for and this machine has none; "},
		{0, spec.GPUs{"nvidia.com/gpu=0"}, "nvidia.com/gpu=0 is asked for and this machine has none; `videosdgx doctor` says why, and a manifest without gpus is served on the CPU"},
		{2, spec.GPUs{"nvidia.com/gpu=0", "nvidia.com/gpu=2"}, "nvidia.com/gpu=2 is asked for and this machine has nvidia.com/gpu=0, nvidia.com/gpu=1; one of these"},
		{0, nil, ""}, {1, spec.GPUs{"all"}, ""}, {2, spec.GPUs{"nvidia.com/gpu=1"}, ""}, {0, spec.GPUs{"example.com/gpu=0"}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, cards(c.cards))
			r.begin()
			r.function("named", func(fn *spec.Function) { fn.GPUs = c.gpus })
			_, _, err := r.call(t.Context(), "named", "x")
			if c.say == "" && err != nil || c.say != "" && (!errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "function named: "+c.say)) {
				t.Errorf("%d GPUs, %v: %v", c.cards, c.gpus, err)
			}
			r.end()
		})
	}
}

// Processes are the box's: one that the test counts memory for.
func (b *box) Processes() ([]int, error) { return []int{int(b.cfg.ID[len(b.cfg.ID)-1])}, nil }

// Two functions say that they need 16 GiB of a GPU of 24; each is seen to hold 8, and then both have room.
func TestRoomOnAGPUIsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		holds := 8 * gib
		r := newRig(t, cards(1), func(c *Config) {
			c.Devices = func() map[int]placement.Demand {
				all := map[int]placement.Demand{}
				for pid := range 256 {
					all[pid] = placement.Demand{"gpu0": holds}
				}
				return all
			}
		})
		r.begin()
		r.function("a", wants(1, 16*gib))
		r.function("b", wants(1, 16*gib))
		r.must("a", "x")
		time.Sleep(10 * time.Second) // somebody looks
		r.must("b", "x")
		if r.box.any("a") != nil {
			t.Error("b did not take a's room before it was measured")
		}
		time.Sleep(10 * time.Second)
		r.must("a", "x")
		if r.box.any("a") == nil || r.box.any("b") == nil {
			t.Error("what both hold fits on the GPU, and one went")
		}
		time.Sleep(10 * time.Second)
		all, err := r.Instances(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			if i.Device != holds || !slices.Equal(i.GPUs, []string{"nvidia.com/gpu=0"}) {
				t.Errorf("%s holds %s on %v", i.ID, i.Device, i.GPUs)
			}
		}
		r.end()
	})
}
