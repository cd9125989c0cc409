package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// Report collects the figures of one bench program.
type Report struct {
	Bench   string `json:"bench"`
	Commit  string `json:"commit"`
	Machine string `json:"machine"`
	Conditions
	Figures map[string]float64 `json:"figures"`

	Rounds        map[string][]float64    `json:"rounds,omitempty"`        // a figure's value in each round of the run
	Distributions map[string]Distribution `json:"distributions,omitempty"` // latencies
	Phases        map[string][]Phase      `json:"phases,omitempty"`        // where an answer's time went, in order
	Series        map[string][]Point      `json:"series,omitempty"`        // a value over time
	Notes         []string                `json:"notes,omitempty"`         // what was left out, and why

	order  []string
	limits map[string]string
}

// NewReport names the bench, the commit of the working directory and the machine.
func NewReport(bench string) *Report {
	return &Report{
		Bench: bench, Commit: commit(), Machine: machine(), Conditions: conditions(), Figures: map[string]float64{},
		Rounds: map[string][]float64{}, Distributions: map[string]Distribution{}, Phases: map[string][]Phase{},
		Series: map[string][]Point{}, limits: map[string]string{},
	}
}

// Figure records one number; the unit is the end of its name (_ms, _s, _mb, _per_s).
func (r *Report) Figure(name string, v float64) {
	if _, known := r.Figures[name]; !known {
		r.order = append(r.order, name)
	}
	r.Figures[name] = v
}

// Want notes beside a figure what it should be, for the table only: "≤ 30".
func (r *Report) Want(name, limit string) { r.limits[name] = limit }

// Quantiles records name_p50_ms, name_p90_ms, name_p99_ms, name_p999_ms and name_max_ms, with the distribution behind them.
func (r *Report) Quantiles(name string, s *Samples) {
	for _, q := range []struct {
		label   string
		percent float64
	}{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}, {"max", 100}} {
		r.Figure(name+"_"+q.label+"_ms", s.Ms(q.percent))
	}
	for _, q := range []struct {
		label   string
		percent float64
	}{{"p50", 50}, {"p90", 90}} { // a round is too short for more
		r.Rounds[name+"_"+q.label+"_ms"] = s.rounds(q.percent)
	}
	r.Distributions[name] = s.distribution()
}

// Ratio records a figure as the ratio of two others' medians, round by round where both have the same rounds.
func (r *Report) Ratio(name, over, under string) {
	r.Figure(name, r.Figures[over]/r.Figures[under])
	a, b := r.Rounds[over], r.Rounds[under]
	if len(a) != len(b) {
		return
	}
	for i := range a {
		r.Rounds[name] = append(r.Rounds[name], a[i]/b[i])
	}
}

// Observe records a figure as the median of what several rounds gave.
func (r *Report) Observe(name string, rounds []float64) {
	r.Figure(name, median(rounds))
	r.Rounds[name] = rounds
}

// Note says what was left out and why.
func (r *Report) Note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Print writes the table and, as the last line, the JSON object.
func (r *Report) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "bench %s\tcommit %s\t%s\n", r.Bench, r.Commit, r.Machine)
	for _, name := range r.order {
		fmt.Fprintf(tw, "%s\t%.6g\t%s\n", name, r.Figures[name], r.limits[name])
	}
	for _, n := range r.Notes {
		fmt.Fprintln(tw, "note: "+n)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}
