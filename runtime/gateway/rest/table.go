package rest

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/usage"
)

// tables are what of a report ?by= gives as CSV, by name; the first cell of each row says of what it is.
var tables = map[string]struct {
	head string
	rows func(usage.Report) [][]string
}{
	"time": {"start", func(r usage.Report) (out [][]string) {
		for _, s := range r.Over {
			out = append(out, sumRow(s.Start.Format(time.RFC3339), s.Sum))
		}
		return out
	}},
	"model":  {"model", func(r usage.Report) [][]string { return partRows(r.Models) }},
	"client": {"client", func(r usage.Report) [][]string { return partRows(r.Clients) }},
	"hour":   {"hour", func(r usage.Report) [][]string { return partRows(r.Hours) }},
	"failure": {"kind", func(r usage.Report) (out [][]string) {
		for _, f := range r.Failures {
			out = append(out, []string{cell(f.Kind), cell(f.Detail), strconv.FormatInt(f.Jobs, 10), f.Last.In(r.From.Location()).Format(time.RFC3339), f.ID})
		}
		return out
	}},
}

const defaultTable = "time"

// tableOf reads ?by=.
func tableOf(r *http.Request) (string, error) {
	by := r.URL.Query().Get("by")
	if !r.URL.Query().Has("by") {
		return defaultTable, nil
	}
	if _, ok := tables[by]; !ok {
		return "", invalid(http.StatusBadRequest, []jobs.FieldError{{Field: "by", Detail: fmt.Sprintf("by is %s: there are %s.", show(by), strings.Join(slices.Sorted(maps.Keys(tables)), ", "))}})
	}
	return by, nil
}

func writeCSV(w http.ResponseWriter, r usage.Report, by string) error {
	h, name := w.Header(), "videosdgx-usage"
	if by != defaultTable {
		name += "-by-" + by
	}
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	h.Set("Cache-Control", "no-store")
	out := csv.NewWriter(w)
	head := append([]string{tables[by].head}, "jobs", "completed", "failed", "cancelled", "cold", "seconds", "gpu_seconds", "bytes")
	if by == "failure" {
		head = []string{tables[by].head, "detail", "jobs", "last", "id"}
	}
	_ = out.Write(head)
	_ = out.WriteAll(tables[by].rows(r))
	return nil // a client that has gone
}

func partRows(parts []usage.Part) (out [][]string) {
	for _, p := range parts {
		out = append(out, sumRow(cell(p.Name), p.Sum))
	}
	return out
}

func sumRow(name string, s usage.Sum) []string {
	row := []string{name}
	for _, n := range []int64{s.Jobs, s.Completed, s.Failed, s.Cancelled, s.Cold} {
		row = append(row, strconv.FormatInt(n, 10))
	}
	return append(row, strconv.FormatFloat(s.Seconds, 'f', 3, 64), strconv.FormatFloat(s.GPUSeconds, 'f', 3, 64), strconv.FormatInt(s.Bytes, 10))
}

// cell is a text of somebody else's for a table that a spreadsheet opens: one that would be a formula there is quoted with an
// apostrophe, which spreadsheets take for "this is text".
func cell(text string) string {
	if first := strings.TrimLeft(text, " \u00a0\ufeff"); first != "" && strings.ContainsRune("=+-@|%\t\r\n\uff1d\uff0b\uff0d\uff20", []rune(first)[0]) {
		return "'" + text
	}
	return text
}
