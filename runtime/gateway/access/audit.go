package access

import (
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/audit"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// record writes down what changes something, and who was refused. What only looks is not written down.
func (a *Access) record(w http.ResponseWriter, r *http.Request, p *auth.Principal, need auth.Need) {
	if a.Audit == nil {
		return
	}
	status := gateway.StatusOf(w)
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests
	if !refused && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions) {
		return
	}
	e := audit.Entry{Time: time.Now(), ID: gateway.RequestID(w), From: r.RemoteAddr, Method: shorten(r.Method), Path: shorten(r.URL.Path), Status: status}
	if p != nil {
		e.Who, e.Kind, e.Key = shorten(p.Name), p.Kind, p.ID
	}
	write := a.Audit.Write
	if !refused && need == auth.One(auth.Invoke) {
		write = a.Audit.Soon // a call changes nothing here, and there are many
	}
	if err := write(e); err != nil {
		a.Log.Error("the audit log cannot be written: this line is missing there", "error", err, "requestId", e.ID,
			"who", e.Who, "kind", e.Kind, "key", e.Key, "from", e.From, "method", e.Method, "path", e.Path, "status", e.Status)
	}
}

func shorten(s string) string {
	if len(s) > 300 {
		return s[:300]
	}
	return s
}
