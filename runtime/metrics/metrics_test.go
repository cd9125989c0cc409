package metrics

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

type running []spec.InstanceStatus

func (r running) Instances(context.Context) ([]spec.InstanceStatus, error) { return r, nil }

func TestEveryMetricHasAUnitAndIsExposed(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := New(reg)
	m.Watch(running{{Function: "f", State: spec.Busy, Memory: 7, InFlight: 2}, {Function: "f", State: spec.Idle, Memory: 3}})
	m.WatchConnections(func() (int, int64, int64) { return 5, 3, 1 })
	m.WatchEvents(func() int { return 4 })
	m.WatchSnapshots(func(context.Context) ([]Snapshot, error) {
		return []Snapshot{{"f", "ready", 5, 1}, {"f", "ready", 6, 2}}, nil
	})
	m.Invoked("f", "ok", spec.Phases{Queue: time.Second, Run: 2 * time.Second}, 3*time.Second)
	m.Started("f", "plain", time.Second)
	m.StartFailed("f")
	m.Evicted("f")
	m.Reaped("f")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if n := f.GetName(); !strings.HasPrefix(n, "videosdgx_") {
			t.Errorf("name %s", n)
		}
		for _, x := range f.GetMetric() {
			values[f.GetName()] += x.GetGauge().GetValue() + x.GetCounter().GetValue() + x.GetHistogram().GetSampleSum()
		}
	}
	for name, want := range map[string]float64{
		"videosdgx_invocations_total": 1, "videosdgx_invocation_duration_seconds": 3, "videosdgx_invocation_phase_seconds": 3,
		"videosdgx_instance_start_duration_seconds": 1, "videosdgx_instance_start_failures_total": 1,
		"videosdgx_instance_evictions_total": 1, "videosdgx_instance_reaps_total": 1,
		"videosdgx_instances": 2, "videosdgx_instance_memory_bytes": 10, "videosdgx_invocations_in_flight": 2,
		"videosdgx_events_waiting": 4, "videosdgx_snapshots": 2, "videosdgx_snapshot_bytes": 11, "videosdgx_snapshot_uses": 3,
		"videosdgx_connections": 5, "videosdgx_connections_ended_total": 4,
	} {
		if values[name] != want {
			t.Errorf("%s = %v, want %v", name, values[name], want)
		}
	}
}

// TestForget: nothing that was counted of a deleted function is exposed any more, and another's is.
func TestForget(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := New(reg)
	for _, f := range []string{"gone", "stays"} {
		m.Invoked(f, "ok", spec.Phases{Run: time.Second}, time.Second)
		m.Invoked(f, "failed", spec.Phases{}, time.Second)
		m.Started(f, "plain", time.Second)
		m.Started(f, "snapshot", time.Second)
		m.StartFailed(f)
		m.Evicted(f)
		m.Reaped(f)
	}
	m.Forget("gone")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, f := range families {
		for _, x := range f.GetMetric() {
			for _, l := range x.GetLabel() {
				switch l.GetValue() {
				case "gone":
					t.Errorf("%s still has it: %v", f.GetName(), x)
				case "stays":
					left++
				}
			}
		}
	}
	if left != 8 {
		t.Errorf("%d series of the other function are left, want 8", left)
	}
}
