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
			l.Of = append(l.Of, Named{fmt.Sprintf("%s (n = %d)", name, d.N), upTo(d)})
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

// upTo leaves out percentiles that so few samples do not have: of ten, the slowest is p90, and there the curve ends.
func upTo(d harness.Distribution) (out [][2]float64) {
	last := 100 * (1 - 1/float64(max(d.N, 1)))
	for _, p := range d.Points {
		if p[0] < last {
			out = append(out, p)
		}
	}
	if n := len(d.Points); n > 0 {
		out = append(out, [2]float64{last, d.Points[n-1][1]})
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

// row is one line of a table.
type row struct {
	Name   string
	Cells  []string
	Missed bool
}

// section is one report as the page shows it.
type section struct {
	*harness.Report
	Charts    []template.HTML
	Latencies []row // p50 to max of every distribution
	Others    []row // figures that are none of these
}

var quantiles = []string{"p50", "p90", "p99", "p999", "max"}

// sections makes the tables and charts.
func sections(reports []*harness.Report) (all []section, err error) {
	for _, r := range reports {
		s, shown := section{Report: r}, map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(r.Distributions)) {
			line := row{Name: name, Cells: []string{fmt.Sprint(r.Distributions[name].N)}}
			for _, q := range quantiles {
				figure := name + "_" + q + "_ms"
				v, ok := r.Figures[figure]
				if !ok {
					break
				}
				shown[figure] = true
				line.Cells = append(line.Cells, fmt.Sprintf("%.4g", v))
			}
			if len(line.Cells) > 1 {
				s.Latencies = append(s.Latencies, line)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
			if !shown[name] {
				s.Others = append(s.Others, row{Name: name, Cells: []string{fmt.Sprintf("%.6g", r.Figures[name])}})
			}
		}
		charts := Charts(r)
		for _, name := range slices.Sorted(maps.Keys(charts)) {
			var b bytes.Buffer
			if err := SVG(&b, charts[name]); err != nil {
				return nil, err
			}
			s.Charts = append(s.Charts, template.HTML(b.String())) //nolint:gosec // of our own making; texts in it are escaped
		}
		all = append(all, s)
	}
	return all, nil
}

// limited are the figures that should be something.
func limited(reports []*harness.Report) (all []row) {
	for _, r := range reports {
		for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
			verdict := "met"
			if !r.Met(name) {
				verdict = "missed"
			}
			all = append(all, row{r.Bench + " " + name, []string{fmt.Sprintf("%.4g", r.Figures[name]), r.Limits[name], verdict}, !r.Met(name)})
		}
	}
	return all
}

// Page writes one HTML file that needs no other: conditions, what should be and is, and drawings and tables of every report.
func Page(w io.Writer, title string, reports []*harness.Report) error {
	all, err := sections(reports)
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{"Title": title, "Reports": all, "Limited": limited(reports)})
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title><style>
body{font:15px/1.5 sans-serif;color:#24292f;max-width:900px;margin:2em auto;padding:0 1em}
h2{margin-top:2em;border-bottom:1px solid #d8dee4;padding-bottom:.2em}
table{border-collapse:collapse;margin:1em 0;font-size:13px}td,th{padding:2px 0 2px 18px;border-bottom:1px solid #d8dee4;text-align:right;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{text-align:left;padding-left:0}th{color:#57606a;font-weight:normal}.missed td{color:#cf222e}
svg{max-width:100%;height:auto;display:block}.c{color:#57606a;font-size:13px}
@media print{svg,tr{break-inside:avoid}h2{break-after:avoid}}</style></head><body><h1>{{.Title}}</h1>
{{with index .Reports 0}}<p class="c">commit {{.Commit}} · {{.Machine}} · governor {{.Governor}}{{range $k, $v := .Versions}} · {{$k}}: {{$v}}{{end}}</p>{{end}}
{{if .Limited}}<h2>What should be</h2><table><tr><th>figure</th><th>is</th><th>should be</th><th></th></tr>{{range .Limited}}<tr{{if .Missed}} class="missed"{{end}}><td>{{.Name}}</td>{{range .Cells}}<td>{{.}}</td>{{end}}</tr>{{end}}</table>{{end}}
{{range .Reports}}<h2>{{.Bench}}</h2><p class="c">{{.Time.Format "2006-01-02 15:04:05"}} UTC · load before {{.Load}} · page cache {{printf "%.0f" .CacheMB}} MB</p>
{{range .Notes}}<p>Note: {{.}}</p>{{end}}{{range .Charts}}{{.}}{{end}}
{{if .Latencies}}<table><tr><th>milliseconds</th><th>n</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>{{range .Latencies}}<tr><td>{{.Name}}</td>{{range .Cells}}<td>{{.}}</td>{{end}}</tr>{{end}}</table>{{end}}
{{if .Others}}<table>{{range .Others}}<tr><td>{{.Name}}</td>{{range .Cells}}<td>{{.}}</td>{{end}}</tr>{{end}}</table>{{end}}
{{end}}</body></html>
`))
