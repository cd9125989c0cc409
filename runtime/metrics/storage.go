package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

var (
	storageBytes = prometheus.NewDesc("videosdgx_storage_bytes", "Disk that files use, by their kind.", []string{"kind"}, nil)
	storageLimit = prometheus.NewDesc("videosdgx_storage_limit_bytes", "Disk that files of a kind may use; none is shown of a kind without a limit.", []string{"kind"}, nil)
)

// WatchStorage adds what each kind of files uses at the moment of a scrape.
func (m *Metrics) WatchStorage(list func() ([]spec.Storage, error)) {
	m.registry.MustRegister(storage(list))
}

type storage func() ([]spec.Storage, error)

// Describe implements prometheus.Collector.
func (storage) Describe(ch chan<- *prometheus.Desc) {
	ch <- storageBytes
	ch <- storageLimit
}

// Collect implements prometheus.Collector.
func (s storage) Collect(ch chan<- prometheus.Metric) {
	all, err := s()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(storageBytes, err)
		return
	}
	for _, one := range all {
		ch <- prometheus.MustNewConstMetric(storageBytes, prometheus.GaugeValue, float64(one.Bytes), one.Kind)
		if one.Limit > 0 {
			ch <- prometheus.MustNewConstMetric(storageLimit, prometheus.GaugeValue, float64(one.Limit), one.Kind)
		}
	}
}
