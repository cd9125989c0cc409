package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// WatchTime adds a moment, in seconds since 1970, that somebody should be told of before it is too near, or too far back. It
// is left out while at says that it is not known.
func (m *Metrics) WatchTime(name, help string, at func() (time.Time, bool)) {
	m.registry.MustRegister(&moment{prometheus.NewDesc(name, help, nil, nil), at})
}

type moment struct {
	desc *prometheus.Desc
	at   func() (time.Time, bool)
}

// Describe implements prometheus.Collector.
func (m *moment) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements prometheus.Collector.
func (m *moment) Collect(ch chan<- prometheus.Metric) {
	if at, ok := m.at(); ok {
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(at.UnixMilli())/1e3)
	}
}
