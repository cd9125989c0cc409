package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// Snapshot is one snapshot as a scrape sees it.
type Snapshot struct {
	Function, State string
	Bytes           int64
	Uses            int64
}

var (
	snapshotCount = prometheus.NewDesc("videosdgx_snapshots", "Snapshots there are, by state.", []string{"function", "state"}, nil)
	snapshotBytes = prometheus.NewDesc("videosdgx_snapshot_bytes", "Disk that snapshots use.", []string{"function"}, nil)
	snapshotUses  = prometheus.NewDesc("videosdgx_snapshot_uses", "Starts from the snapshots that there are now.", []string{"function"}, nil)
)

// WatchSnapshots adds the snapshots there are at the moment of a scrape.
func (m *Metrics) WatchSnapshots(list func(ctx context.Context) ([]Snapshot, error)) {
	m.registry.MustRegister(snapshots(list))
}

// WatchEvents adds how many asynchronous events wait for their function or their destination.
func (m *Metrics) WatchEvents(waiting func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "videosdgx_events_waiting", Help: "Event invocations and their records that are not done.",
	}, func() float64 { return float64(waiting()) }))
}

type snapshots func(ctx context.Context) ([]Snapshot, error)

// Describe implements prometheus.Collector.
func (snapshots) Describe(ch chan<- *prometheus.Desc) {
	ch <- snapshotCount
	ch <- snapshotBytes
	ch <- snapshotUses
}

// Collect implements prometheus.Collector.
func (s snapshots) Collect(ch chan<- prometheus.Metric) {
	all, err := s(context.Background())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(snapshotCount, err)
		return
	}
	type state struct{ function, state string }
	count, bytes, uses := map[state]int{}, map[string]int64{}, map[string]int64{}
	for _, one := range all {
		count[state{one.Function, one.State}]++
		bytes[one.Function] += one.Bytes
		uses[one.Function] += one.Uses
	}
	for k, n := range count {
		ch <- prometheus.MustNewConstMetric(snapshotCount, prometheus.GaugeValue, float64(n), k.function, k.state)
	}
	for f := range bytes {
		ch <- prometheus.MustNewConstMetric(snapshotBytes, prometheus.GaugeValue, float64(bytes[f]), f)
		ch <- prometheus.MustNewConstMetric(snapshotUses, prometheus.GaugeValue, float64(uses[f]), f)
	}
}
