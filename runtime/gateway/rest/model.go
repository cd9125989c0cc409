package rest

import (
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// status is loaded, unloaded or broken.
func status(m jobs.Model) string {
	switch {
	case m.Instances > 0:
		return "loaded"
	case m.Fault != "":
		return "broken"
	}
	return "unloaded"
}

// health is GET /health: the API is up, whatever the model does.
func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	return write(w, http.StatusOK, healthView{"ok"})
}

// ready is GET /ready: 200 when the model is loaded.
func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	m, err := a.o.Models.Model(r.Context(), r.PathValue("model"))
	if err != nil {
		return err
	}
	code := http.StatusOK
	if m.Instances == 0 {
		code = http.StatusServiceUnavailable
	}
	return write(w, code, readyView{m.Instances > 0, m.Name, status(m), m.Fault})
}

// info is GET /info.
func (a *API) info(w http.ResponseWriter, r *http.Request) error {
	m, err := a.o.Models.Model(r.Context(), r.PathValue("model"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, infoOf(m))
}

func infoOf(m jobs.Model) infoView {
	return infoView{
		Model: m.Name, Function: m.Function, Version: m.Version, Description: m.Description, Status: status(m), Fault: m.Fault,
		Port: m.Port, Concurrency: m.Concurrency, Timeout: m.Timeout.Seconds(), Details: m.Info,
		Schema: documentOf(m),
	}
}

// models is GET /v1/models.
func (a *API) models(w http.ResponseWriter, r *http.Request) error {
	all, err := jobs.Latest(r.Context(), a.o.Models)
	if err != nil {
		return err
	}
	out := modelList{Models: make([]infoView, len(all))}
	for i, m := range all {
		out.Models[i] = infoOf(m)
	}
	return write(w, http.StatusOK, out)
}

// loras is GET /v1/loras.
func (a *API) loras(w http.ResponseWriter, _ *http.Request) error {
	out := loraList{[]loraView{}}
	if a.o.LoRAs != nil {
		for _, name := range a.o.LoRAs() {
			out.LoRAs = append(out.LoRAs, loraView{name})
		}
	}
	return write(w, http.StatusOK, out)
}
