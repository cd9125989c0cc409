package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	connections = prometheus.NewDesc("videosdgx_connections", "HTTP connections that are open, on all listeners.", nil, nil)
	endedConns  = prometheus.NewDesc("videosdgx_connections_ended_total", "HTTP connections ended because there were too many: idle ones that made room (dropped), new ones that found none (refused).", []string{"how"}, nil)
)

// WatchConnections adds what counts gives: the connections that are open, and how many were dropped and refused since the
// start.
func (m *Metrics) WatchConnections(counts func() (open int, dropped, refused int64)) {
	m.registry.MustRegister(connCollector(counts))
}

type connCollector func() (open int, dropped, refused int64)

// Describe implements prometheus.Collector.
func (connCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- connections
	ch <- endedConns
}

// Collect implements prometheus.Collector.
func (c connCollector) Collect(ch chan<- prometheus.Metric) {
	open, dropped, refused := c()
	ch <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(open))
	ch <- prometheus.MustNewConstMetric(endedConns, prometheus.CounterValue, float64(dropped), "dropped")
	ch <- prometheus.MustNewConstMetric(endedConns, prometheus.CounterValue, float64(refused), "refused")
}
