package plot

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// Charts gives every drawing that a report has data for, by a name that can be a file's.
func Charts(r *harness.Report) map[string]Chart {
	out := map[string]Chart{}
	if len(r.Distributions) > 0 {
		l := Latency{Title: r.Bench + ": latency by percentile"}
		for _, name := range slices.Sorted(maps.Keys(r.Distributions)) {
			d := r.Distributions[name]
			l.Of = append(l.Of, Named{fmt.Sprintf("%s (n = %d)", name, d.N), d.Points})
		}
		out[r.Bench+"-latency"] = l
	}
	if len(r.Phases) > 0 {
		w := Waterfall{Title: r.Bench + ": where the time goes (medians)"}
		for _, name := range slices.Sorted(maps.Keys(r.Phases)) {
			w.Names, w.Of = append(w.Names, name), append(w.Of, r.Phases[name])
		}
		out[r.Bench+"-phases"] = w
	}
	for name, points := range r.Series {
		n := Named{Name: name}
		for _, p := range points {
			n.Points = append(n.Points, [2]float64{p.Seconds, p.Value})
		}
		unit := name[strings.LastIndex(name, "_")+1:]
		out[r.Bench+"-"+name] = Timeline{Title: r.Bench + ": " + name + " over time", Unit: unit, Of: []Named{n}}
	}
	return out
}

// Images writes every chart of the reports into a folder, as SVG and as PNG.
func Images(dir string, reports []*harness.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, r := range reports {
		for name, c := range Charts(r) {
			for ext, write := range map[string]func(io.Writer, Chart) error{".svg": SVG, ".png": PNG} {
				var b bytes.Buffer
				if err := write(&b, c); err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, name+ext), b.Bytes(), 0o644); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Page writes one HTML file that needs no other: conditions, drawings and figures of every report.
func Page(w io.Writer, title string, reports []*harness.Report) error {
	type section struct {
		*harness.Report
		Names  []string
		Charts []template.HTML
	}
	var all []section
	for _, r := range reports {
		s := section{Report: r, Names: slices.Sorted(maps.Keys(r.Figures))}
		charts := Charts(r)
		for _, name := range slices.Sorted(maps.Keys(charts)) {
			var b bytes.Buffer
			if err := SVG(&b, charts[name]); err != nil {
				return err
			}
			s.Charts = append(s.Charts, template.HTML(b.String())) //nolint:gosec // of our own making; texts in it are escaped
		}
		all = append(all, s)
	}
	return page.Execute(w, map[string]any{"Title": title, "Reports": all})
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title><style>
body{font:15px/1.5 sans-serif;color:#24292f;max-width:900px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;margin:1em 0}td{padding:2px 14px 2px 0;border-bottom:1px solid #d8dee4}td:nth-child(2){text-align:right;font-variant-numeric:tabular-nums}
svg{max-width:100%;height:auto}.c{color:#57606a;font-size:13px}</style></head><body><h1>{{.Title}}</h1>
{{range .Reports}}{{$r := .}}<h2>{{.Bench}}</h2><p class="c">commit {{.Commit}} · {{.Machine}} · {{.Time}} · load before {{.Load}} · governor {{.Governor}} · page cache {{printf "%.0f" .CacheMB}} MB{{range $k, $v := .Versions}} · {{$k}} {{$v}}{{end}}</p>
{{range .Notes}}<p>Note: {{.}}</p>{{end}}{{range .Charts}}{{.}}{{end}}
<details><summary>{{len .Names}} figures</summary><table>{{range .Names}}<tr><td>{{.}}</td><td>{{printf "%.6g" (index $r.Figures .)}}</td></tr>{{end}}</table></details>
{{end}}</body></html>
`))
