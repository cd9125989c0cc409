package placement

import (
	"slices"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

const gib = spec.Bytes(1 << 30)

func machine(available spec.Bytes) []Pool {
	return []Pool{
		{Name: System, Total: 16 * gib, Floor: 2 * gib, Available: available},
		{Name: "gpu0", Total: 24 * gib, Floor: 3 * gib, Available: -1, Devices: []string{"nvidia.com/gpu=0"}},
	}
}

func hold(id string, size spec.Bytes, movable bool, priority float64) Holding {
	return Holding{ID: id, Demand: Demand{System: size}, Settled: true, Movable: movable, Priority: priority}
}

func yielding(id string, size spec.Bytes, priority float64) Holding {
	h := hold(id, size, false, priority)
	h.Yields = true
	return h
}

func staying(id string, size spec.Bytes) Holding {
	h := hold(id, size, false, 1)
	h.Stays = true
	return h
}

func TestPlace(t *testing.T) {
	pending := hold("p", 4*gib, false, 0)
	pending.Settled = false
	for name, c := range map[string]struct {
		want      Demand
		available spec.Bytes
		held      []Holding
		verdict   Verdict
		victims   []string
	}{
		"empty machine":            {Demand{System: 14 * gib}, 16 * gib, nil, Fits, nil},
		"larger than the budget":   {Demand{System: 15 * gib}, 16 * gib, nil, Never, nil},
		"larger than the GPU":      {Demand{System: gib, "gpu0": 22 * gib}, 16 * gib, nil, Never, nil},
		"others hold the memory":   {Demand{System: 4 * gib}, 5 * gib, nil, Full, nil},
		"busy ones in the way":     {Demand{System: 4 * gib}, 10 * gib, []Holding{hold("a", 12*gib, false, 1)}, Wait, nil},
		"least worth goes":         {Demand{System: 4 * gib}, 5 * gib, []Holding{hold("a", 5*gib, true, 2), hold("b", 5*gib, true, 1)}, Evict, []string{"b"}},
		"as many as needed":        {Demand{System: 10 * gib}, 6 * gib, []Holding{hold("a", 5*gib, true, 2), hold("b", 5*gib, true, 1)}, Evict, []string{"b", "a"}},
		"a small one is spared":    {Demand{System: 6 * gib}, 4 * gib, []Holding{hold("s", gib, true, 1), hold("l", 10*gib, true, 2)}, Evict, []string{"l"}},
		"busy and pinned stay":     {Demand{System: 10 * gib}, 6 * gib, []Holding{hold("a", 5*gib, false, 2), hold("b", 5*gib, true, 1)}, Wait, nil},
		"a busy one is claimed":    {Demand{System: 10 * gib}, 6 * gib, []Holding{yielding("a", 5*gib, 2), hold("b", 5*gib, true, 1)}, Wait, []string{"b", "a"}},
		"beside what stays":        {Demand{System: 10 * gib}, 6 * gib, []Holding{staying("a", 5*gib), hold("b", 5*gib, true, 1)}, Full, nil},
		"what stays leaves enough": {Demand{System: 9 * gib}, 6 * gib, []Holding{staying("a", 5*gib), hold("b", 5*gib, false, 1)}, Wait, nil},
		"promised counts":          {Demand{System: 4 * gib}, 9 * gib, []Holding{pending}, Wait, nil},
		"promised and enough":      {Demand{System: 3 * gib}, 9 * gib, []Holding{pending}, Fits, nil},
		"GPU says nothing":         {Demand{"gpu0": 21 * gib}, 16 * gib, nil, Fits, nil},
		"zero demand always fits":  {Demand{}, 0, []Holding{hold("a", 14*gib, false, 0)}, Fits, nil},
		"exact fit after eviction": {Demand{System: 14 * gib}, 2 * gib, []Holding{hold("a", 14*gib, true, 0)}, Evict, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Place(c.want, machine(c.available), c.held)
			if d.Verdict != c.verdict || !slices.Equal(d.Victims, c.victims) {
				t.Errorf("got %+v, want %v %v", d, c.verdict, c.victims)
			}
		})
	}
}

func TestFloor(t *testing.T) {
	for total, want := range map[spec.Bytes]spec.Bytes{128 * gib: 8 * gib, 64 * gib: 8 * gib, 24 * gib: 3 * gib} {
		if got := Floor(total); got != want {
			t.Errorf("Floor(%s) = %s, want %s", total, got, want)
		}
	}
}

func TestFootprint(t *testing.T) {
	discrete := machine(0)
	unified := []Pool{{Name: System, Total: 128 * gib, Devices: []string{"nvidia.com/gpu=0"}}}
	fn := spec.Function{Limits: spec.Limits{Memory: 4 * gib}, GPUs: []string{"all"}, DeviceMemory: 10 * gib}
	for _, c := range []struct {
		name        string
		pools       []Pool
		measured    spec.Bytes
		system, gpu spec.Bytes
	}{
		{"discrete", discrete, 0, 4 * gib, 10 * gib},
		{"discrete, measured", discrete, gib, gib, 10 * gib},
		{"unified", unified, 0, 14 * gib, 0},
		{"unified, measured", unified, gib, 11 * gib, 0},
	} {
		if d := Footprint(&fn, c.pools, Measured{System: c.measured}); d[System] != c.system || d["gpu0"] != c.gpu {
			t.Errorf("%s: %v", c.name, d)
		}
	}
	seen := Measured{System: gib, Device: 6 * gib}
	if d := Footprint(&fn, discrete, seen); d[System] != gib || d["gpu0"] != 6*gib {
		t.Errorf("the device's memory measured: %v", d)
	}
	if d := Footprint(&fn, unified, seen); d[System] != 7*gib {
		t.Errorf("the device's memory measured, unified: %v", d)
	}
	plain := spec.Function{Limits: spec.Limits{Memory: spec.DefaultMemory}}
	if d := Footprint(&plain, discrete, Measured{}); d[System] != unknownMemory || d["gpu0"] != 0 {
		t.Errorf("unnamed memory: %v", d)
	}
}

func TestClock(t *testing.T) {
	var c Clock
	often := c.Priority(100, time.Second, 0, gib)
	if rare := c.Priority(1, time.Second, 0, gib); rare >= often {
		t.Error("frequency does not count")
	}
	if big := c.Priority(100, time.Second, 0, 10*gib); big >= often {
		t.Error("size does not count")
	}
	c.Evicted(often)
	if young := c.Priority(1, time.Second, 0, gib); young <= often {
		t.Error("the clock does not age what is not used")
	}
}

func TestKeepAlive(t *testing.T) {
	terms := DefaultTerms
	terms.Least = time.Minute
	times := func(n int, d time.Duration) *Gaps {
		g := &Gaps{}
		for range n {
			g.Add(d)
		}
		return g
	}
	within := func(d, want time.Duration) bool { return d >= want*8/10 && d <= want*13/10 }
	if w := terms.KeepAlive(times(3, time.Hour), time.Second, gib); w.Keep != terms.Fixed || w.Prewarm != 0 {
		t.Errorf("few samples: %+v", w)
	}
	if w := terms.KeepAlive(times(50, 10*time.Minute), 10*time.Second, gib); !within(w.Keep, 11*time.Minute) {
		t.Errorf("regular and dear to start: %+v", w)
	}
	w := terms.KeepAlive(times(50, 30*time.Minute), 10*time.Second, 8*gib)
	if !within(w.Prewarm, 27*time.Minute) || w.Until < 30*time.Minute || w.Until > w.Prewarm+10*time.Minute || w.Keep != 0 {
		t.Errorf("regular, long, and dear to hold: %+v", w)
	}
	if w := terms.KeepAlive(times(50, 30*time.Minute), 100*time.Millisecond, 8*gib); w.Keep != terms.Least || w.Prewarm != 0 {
		t.Errorf("cheap to start, dear to hold: %+v", w)
	}
	if w := terms.KeepAlive(times(50, 2*time.Second), time.Second, gib); w.Keep != terms.Least {
		t.Errorf("busy: %+v", w)
	}
	if w := terms.KeepAlive(times(50, 48*time.Hour), time.Second, gib); w.Keep != terms.Fixed {
		t.Errorf("beyond the histogram: %+v", w)
	}
	if g := times(1000, time.Millisecond); g.count != 0 {
		t.Error("back-to-back calls count as idle times")
	}
}
