package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Instances says what runs.
type Instances interface {
	Instances(ctx context.Context) ([]spec.InstanceStatus, error)
}

// Watch adds what is at the moment of a scrape.
func (m *Metrics) Watch(i Instances) { m.registry.MustRegister(&collector{i}) }

type collector struct{ from Instances }

// Describe implements prometheus.Collector.
func (*collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- instances
	ch <- memory
	ch <- inFlight
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	all, err := c.from.Instances(context.Background())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(instances, err)
		return
	}
	type state struct{ function, state string }
	count, held, busy := map[state]int{}, map[string]spec.Bytes{}, map[string]int{}
	for _, s := range all {
		count[state{s.Function, string(s.State)}]++
		held[s.Function] += s.Memory
		busy[s.Function] += s.InFlight
	}
	for k, n := range count {
		ch <- prometheus.MustNewConstMetric(instances, prometheus.GaugeValue, float64(n), k.function, k.state)
	}
	for f, b := range held {
		ch <- prometheus.MustNewConstMetric(memory, prometheus.GaugeValue, float64(b), f)
		ch <- prometheus.MustNewConstMetric(inFlight, prometheus.GaugeValue, float64(busy[f]), f)
	}
}
