package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report collects the figures of one bench program.
type Report struct {
	Bench   string `json:"bench"`
	Commit  string `json:"commit"`
	Machine string `json:"machine"`
	Conditions
	Figures map[string]float64 `json:"figures"`

	Limits        map[string]string       `json:"limits,omitempty"`        // what figures should be: "≤ 30", "= 0"
	Rounds        map[string][]float64    `json:"rounds,omitempty"`        // a figure's value in each round of the run
	Distributions map[string]Distribution `json:"distributions,omitempty"` // latencies
	Phases        map[string][]Phase      `json:"phases,omitempty"`        // where an answer's time went, in order
	Series        map[string][]Point      `json:"series,omitempty"`        // a value over time
	Notes         []string                `json:"notes,omitempty"`         // what was left out, and why

	order []string
}

// NewReport names the bench, the commit of the working directory and the machine.
func NewReport(bench string) *Report {
	return &Report{
		Bench: bench, Commit: commit(), Machine: machine(), Conditions: conditions(), Figures: map[string]float64{},
		Rounds: map[string][]float64{}, Distributions: map[string]Distribution{}, Phases: map[string][]Phase{},
		Series: map[string][]Point{}, Limits: map[string]string{},
	}
}

// Figure records one number; the unit is the end of its name (_ms, _s, _mb, _per_s).
func (r *Report) Figure(name string, v float64) {
	if _, known := r.Figures[name]; !known {
		r.order = append(r.order, name)
	}
	r.Figures[name] = v
}

// Want notes beside a figure what it should be: "≤ 30", "≥ 3000", "= 0". A figure that is not there has no limit.
func (r *Report) Want(name, limit string) {
	if _, ok := r.Figures[name]; ok {
		r.Limits[name] = limit
	}
}

// Met tells whether a figure is what it should be.
func (r *Report) Met(name string) bool {
	var want float64
	how, number, _ := strings.Cut(r.Limits[name], " ")
	if _, err := fmt.Sscan(number, &want); err != nil {
		return false
	}
	switch v := r.Figures[name]; how {
	case "≤":
		return v <= want
	case "≥":
		return v >= want
	}
	return r.Figures[name] == want
}

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

// Seconds records name_s, name_p90_s, name_p99_s and name_max_s, for what takes that long.
func (r *Report) Seconds(name string, s *Samples) {
	for _, q := range []struct {
		label   string
		percent float64
	}{{"_s", 50}, {"_p90_s", 90}, {"_p99_s", 99}, {"_max_s", 100}} {
		r.Figure(name+q.label, s.Ms(q.percent)/1e3)
	}
	rounds := s.rounds(50)
	for i := range rounds {
		rounds[i] /= 1e3
	}
	r.Rounds[name+"_s"] = rounds
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
	r.Figure(name, Median(rounds))
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
		limit := r.Limits[name]
		if limit != "" && !r.Met(name) {
			limit += "  MISSED"
		}
		fmt.Fprintf(tw, "%s\t%.6g\t%s\n", name, r.Figures[name], limit)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(tw, "note: "+n)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return r.line(w)
}

// SoFar writes the JSON object of what is known before the run has ended, with a note that it is partial: a run that is cut leaves its
// figures behind. What Print writes comes after it.
func (r *Report) SoFar(w io.Writer) error {
	part := *r
	part.Notes = append(slices.Clone(r.Notes), "partial: written before the run had ended")
	return part.line(w)
}

func (r *Report) line(w io.Writer) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}
