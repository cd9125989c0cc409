package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// metrics is GET /metrics of one model: JSON, or Prometheus text when Accept asks rather for that than for JSON.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) error {
	m, err := a.o.Models.Model(r.Context(), r.PathValue("model"))
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if wantsPrometheus(r) {
		reg := prometheus.NewRegistry()
		reg.MustRegister(&Collector{api: a, models: []string{m.Name}})
		promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, r)
		return nil
	}
	v, err := a.measure(r.Context(), m)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, v)
}

func wantsPrometheus(r *http.Request) bool {
	return gateway.Negotiate(r, "application/json", "text/plain", "application/openmetrics-text") != "application/json"
}

func (a *API) measure(ctx context.Context, m jobs.Model) (metricsView, error) {
	t, err := a.o.Jobs.Tally(ctx, m.Name)
	if err != nil {
		return metricsView{}, err
	}
	queued, running, err := a.o.Jobs.Load(ctx, m.Name)
	if err != nil {
		return metricsView{}, err
	}
	v := metricsView{
		Model: m.Name, Total: t.Ended(), Successful: t.Completed, Failed: t.Failed + t.Dead, Cancelled: t.Cancelled,
		MinSeconds: t.MinSeconds, MaxSeconds: t.MaxSeconds, Last: t.Last,
		Prompts: promptSizes{Min: t.MinPrompt, Max: t.MaxPrompt}, Queue: queueView{queued, running, a.o.Jobs.Full()},
		Memory: memoryView{m.Memory, m.Instances}, Status: status(m),
	}
	if v.Last == nil {
		v.Last = []jobs.Last{}
	}
	if t.Completed > 0 {
		v.AvgSeconds = t.Seconds / float64(t.Completed)
	}
	if t.Ended() > 0 {
		v.Prompts.Avg = float64(t.PromptBytes) / float64(t.Ended())
		v.LastUse = &t.LastUse
	}
	if m.LastUse.After(t.LastUse) {
		v.LastUse = &m.LastUse
	}
	if m.Instances > 0 && running == 0 {
		v.TimeToUnload = a.o.Jobs.Until(m.UnloadAt)
	}
	return v, nil
}

// Collector shows the queue to Prometheus; the daemon registers the one of all models.
type Collector struct {
	api    *API
	models []string // nil: all
}

// Collector gives the collector of all models.
func (a *API) Collector() *Collector { return &Collector{api: a} }

var (
	descJobs    = desc("videosdgx_jobs_total", "Jobs that have ended, by outcome.", "outcome")
	descSeconds = desc("videosdgx_job_duration_seconds_total", "Running time of completed jobs.")
	descQueued  = desc("videosdgx_jobs_queued", "Jobs that wait.")
	descRunning = desc("videosdgx_jobs_running", "Jobs that run.")
	descLoaded  = desc("videosdgx_model_instances", "Instances of the model that are up.")
	descMemory  = desc("videosdgx_model_memory_bytes", "Memory that the model's instances hold.")
)

var (
	descFound       = prometheus.NewDesc("videosdgx_cache_lookups_total", "Requests for which an earlier clip was looked for, by result.", []string{"result"}, nil)
	descServed      = prometheus.NewDesc("videosdgx_cache_served_bytes_total", "Of clips that were found instead of made again.", nil, nil)
	descVectors     = prometheus.NewDesc("videosdgx_cache_prompts", "Prompts whose vectors are kept.", nil, nil)
	descVectorBytes = prometheus.NewDesc("videosdgx_cache_prompt_bytes", "On the disk, of prompts' vectors.", nil, nil)
	descSaved       = prometheus.NewDesc("videosdgx_cache_saved_seconds_total", "Running time of the jobs that were found instead of run again.", nil, nil)
	descFree        = prometheus.NewDesc("videosdgx_disk_free_bytes", "Of the disk of clips; jobs wait below 256 MiB.", nil, nil)
	descSize        = prometheus.NewDesc("videosdgx_disk_size_bytes", "Of the disk of clips.", nil, nil)
	descKept        = prometheus.NewDesc("videosdgx_cache_entries", "What earlier clips can be found by.", nil, nil)
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"model"}, labels...), nil)
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descJobs, descSeconds, descQueued, descRunning, descLoaded, descMemory, descFound, descSaved, descServed, descVectors, descVectorBytes, descKept, descFree, descSize} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx := context.Background()
	all, err := c.api.o.Models.Models(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descJobs, err)
		return
	}
	if c.models == nil {
		st := c.api.o.Jobs.KeptStats()
		ch <- prometheus.MustNewConstMetric(descFound, prometheus.CounterValue, float64(st.Hits), "hit")
		ch <- prometheus.MustNewConstMetric(descFound, prometheus.CounterValue, float64(st.Similar), "similar")
		ch <- prometheus.MustNewConstMetric(descFound, prometheus.CounterValue, float64(st.Misses), "miss")
		ch <- prometheus.MustNewConstMetric(descServed, prometheus.CounterValue, float64(st.ServedBytes))
		ch <- prometheus.MustNewConstMetric(descVectors, prometheus.GaugeValue, float64(st.Vectors))
		ch <- prometheus.MustNewConstMetric(descVectorBytes, prometheus.GaugeValue, float64(st.VectorBytes))
		ch <- prometheus.MustNewConstMetric(descSaved, prometheus.CounterValue, st.SavedSeconds)
		ch <- prometheus.MustNewConstMetric(descKept, prometheus.GaugeValue, float64(st.Entries))
		if free, size, err := c.api.o.Jobs.Disk(); err == nil {
			ch <- prometheus.MustNewConstMetric(descFree, prometheus.GaugeValue, float64(free))
			ch <- prometheus.MustNewConstMetric(descSize, prometheus.GaugeValue, float64(size))
		}
	}
	for _, m := range all {
		if c.wants(m.Name) {
			c.collect(ctx, ch, m)
		}
	}
}

func (c *Collector) wants(name string) bool {
	return c.models == nil || c.models[0] == name
}

func (c *Collector) collect(ctx context.Context, ch chan<- prometheus.Metric, m jobs.Model) {
	t, err := c.api.o.Jobs.Tally(ctx, m.Name)
	queued, running, lerr := c.api.o.Jobs.Load(ctx, m.Name)
	if err := errors.Join(err, lerr); err != nil {
		ch <- prometheus.NewInvalidMetric(descJobs, err)
		return
	}
	for outcome, n := range map[jobs.State]int64{jobs.Completed: t.Completed, jobs.Failed: t.Failed, jobs.Cancelled: t.Cancelled, jobs.Dead: t.Dead} {
		ch <- prometheus.MustNewConstMetric(descJobs, prometheus.CounterValue, float64(n), m.Name, string(outcome))
	}
	ch <- prometheus.MustNewConstMetric(descSeconds, prometheus.CounterValue, t.Seconds, m.Name)
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, m.Name)
	}
	gauge(descQueued, float64(queued))
	gauge(descRunning, float64(running))
	gauge(descLoaded, float64(m.Instances))
	gauge(descMemory, float64(m.Memory))
}
