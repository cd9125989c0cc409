package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// phases in the order in which they happen.
var phases = []string{"queue", "evict", "create", "start", "restore", "init", "run"}

// serverTiming reads the durations, in milliseconds, of a Server-Timing header.
func serverTiming(header string) map[string]float64 {
	out := map[string]float64{}
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		for p := range strings.SplitSeq(params, ";") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(p), "dur="); ok {
				if ms, err := strconv.ParseFloat(v, 64); err == nil {
					out[name] = ms
				}
			}
		}
	}
	return out
}

// Print writes the table and, last, the three lines that scripts read.
func (r *Report) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "\nphase\tcold ms\twarm ms\t\n")
	for _, p := range phases {
		if r.Cold.Phases[p] > 0 || r.Warm.Phases[p] > 0 {
			fmt.Fprintf(tw, "%s\t%.2f\t%.2f\t\n", p, r.Cold.Phases[p], r.Warm.Phases[p])
		}
	}
	fmt.Fprintf(tw, "answer\t%.2f\t%.2f\t\n", r.Cold.Millis, r.Warm.Millis)
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "(medians of %d and %d calls with an event that does no work: absent → answer, idle → answer; %s driver)\n", r.Cold.Calls, r.Warm.Calls, r.Driver)
	fmt.Fprintf(w, "the clip took %.1f s from the command to the file\n", r.Seconds)
	if r.Sound != nil {
		fmt.Fprintf(w, "the clip with sound took %.1f s: %s\n", r.Sound.Seconds, r.Sound.Clip)
	}
	_, err := fmt.Fprintf(w, "clip: %s\ncold: %.0f ms\nwarm: %.1f ms\n", r.Clip, r.Cold.Millis, r.Warm.Millis)
	return err
}
