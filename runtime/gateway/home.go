package gateway

import (
	"html/template"
	"net/http"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// Home is what a person who opens the server's address sees: what this is, what runs, and where the manual lies.
type Home struct {
	Version   string
	Functions Functions
	Instances Instances
}

var homePage = template.Must(template.New("home").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>VideosDGX</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}td{padding-right:1.5rem}</style>
<h1>VideosDGX</h1>
<p>A serverless function runtime for video generation models, version {{.Version}}. It runs.</p>
<h2>Functions</h2>
{{if .Functions}}<table>{{range .Functions}}<tr><td><code>{{.Name}}</code></td><td>{{.Running}} running</td></tr>{{end}}</table>
{{else}}<p>There is none yet: <code>videosdgx deploy FOLDER</code> makes one.</p>{{end}}
<h2>Next</h2>
<ul><li><code>videosdgx --help</code> says what there is to do; the manual is README.md of the project.
<li><a href="/openapi.json">/openapi.json</a> describes the models' API, <a href="/v1/models">/v1/models</a> lists them.
<li><a href="/metrics">/metrics</a> is for Prometheus, <a href="/api/v1/health">/api/v1/health</a> for probes.</ul>
</html>
`))

type homeFunction struct {
	Name    string
	Running int
}

// Register implements Routes.
func (h Home) Register(mux *http.ServeMux) { mux.HandleFunc("GET /{$}", h.serve) }

// Needs implements Guarded.
func (h Home) Needs() map[string]auth.Need { return map[string]auth.Need{"GET /{$}": auth.Known} }

func (h Home) serve(w http.ResponseWriter, r *http.Request) {
	fns, err := h.Functions.List(r.Context())
	if err != nil {
		refuse(w, r, Explain(err))
		return
	}
	running := map[string]int{}
	all, err := h.Instances.Instances(r.Context())
	if err != nil {
		refuse(w, r, Explain(err))
		return
	}
	for _, i := range all {
		running[i.Function]++
	}
	page := struct {
		Version   string
		Functions []homeFunction
	}{Version: h.Version}
	for _, fn := range fns {
		page.Functions = append(page.Functions, homeFunction{fn.Name, running[fn.Name]})
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	head.Set("Cache-Control", "no-store")
	_ = homePage.Execute(w, page) // a client that has gone
}
