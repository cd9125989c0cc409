package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
)

// Report collects the figures of one bench program.
type Report struct {
	Bench   string             `json:"bench"`
	Commit  string             `json:"commit"`
	Machine string             `json:"machine"`
	Figures map[string]float64 `json:"figures"`
	order   []string
	limits  map[string]string
}

// NewReport names the bench, the commit of the working directory and the machine.
func NewReport(bench string) *Report {
	return &Report{Bench: bench, Commit: commit(), Machine: machine(), Figures: map[string]float64{}, limits: map[string]string{}}
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

// Quantiles records name_p50_ms, name_p90_ms and name_p99_ms.
func (r *Report) Quantiles(name string, s *Samples) {
	for _, q := range []struct {
		label   string
		percent float64
	}{{"p50", 50}, {"p90", 90}, {"p99", 99}} {
		r.Figure(name+"_"+q.label+"_ms", s.Ms(q.percent))
	}
}

// Print writes the table and, as the last line, the JSON object.
func (r *Report) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "bench %s\tcommit %s\t%s\n", r.Bench, r.Commit, r.Machine)
	for _, name := range r.order {
		fmt.Fprintf(tw, "%s\t%.6g\t%s\n", name, r.Figures[name], r.limits[name])
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

// commit is the checkout's HEAD, with "+" when tracked files differ from it; "unknown" outside a checkout.
func commit() string {
	head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(head))
	if exec.Command("git", "diff", "--quiet", "HEAD").Run() != nil {
		id += "+"
	}
	return id
}

// machine says what the figures were measured on: CPU, cores, memory, kernel.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, %d cores, %s, linux %s %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		field("/proc/meminfo", "MemTotal"), strings.TrimSpace(string(kernel)), runtime.GOARCH)
}

// field reads "key : value" from a /proc file; "unknown" where there is none.
func field(file, key string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.Join(strings.Fields(v), " ")
		}
	}
	return "unknown"
}
