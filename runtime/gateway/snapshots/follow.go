package snapshots

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// follow is create for who wants to see it happen: events "progress" with the step's name as "phase", then "result" with
// the record, or "error" with problem details.
func (a *API) follow(w http.ResponseWriter, r *http.Request) {
	fn, err := gateway.Find(r.Context(), a.Functions, r.PathValue("name"), r.URL.Query().Get("qualifier"))
	if err != nil {
		gateway.WriteDetails(w, r, err)
		return
	}
	gateway.EventStream(w.Header())
	s := events{w, http.NewResponseController(w)}
	record, err := a.Keeper.Create(r.Context(), fn, func(step string) { s.send("progress", map[string]string{"phase": step}) })
	if err != nil {
		p := gateway.Explain(err)
		s.send("error", gateway.Describe(p.Status, p.Message))
		return
	}
	s.send("result", record)
}

type events struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// send writes one event. Who does not read it has gone, which the request's context tells the work.
func (s events) send(kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b, kind = []byte(`{"message":"the answer could not be encoded"}`), "error"
	}
	fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, b)
	_ = s.rc.Flush()
}
